package interop

import (
	"encoding/json"
	"os"
	"regexp"
	"strings"
	"testing"
)

// dashboard has the parts of a Grafana dashboard that tests need.
type dashboard struct {
	SchemaVersion int
	Panels        []struct {
		ID                       int
		Type, Title, Description string
		Datasource               struct{ UID string }
		GridPos                  struct{ X, Y, W, H int }
		Targets                  []struct {
			Expr       string
			Datasource struct{ UID string }
		}
	}
	Links      []struct{ Title, URL string }
	Templating struct {
		List []struct{ Name, Type, Definition string }
	}
}

func readDashboard(t *testing.T) (d dashboard) {
	t.Helper()
	text, err := os.ReadFile("../grafana/tim-callback.json")
	if err != nil {
		t.Fatal(err)
	}
	if err := json.Unmarshal(text, &d); err != nil {
		t.Fatal(err)
	}
	return d
}

// asGrafanaSends returns the query that Grafana sends if all values of all variables are
// selected.
var asGrafanaSends = strings.NewReplacer("$__rate_interval", "5m", "$job", ".*", "$instance", ".*", "$queue", ".*")

func TestDashboardQueries(t *testing.T) {
	all := exposed(t)
	var series []string
	for _, s := range all {
		series = append(series, s.String()+" 0+1x60")
	}
	queries := 0
	for _, panel := range readDashboard(t).Panels {
		for _, target := range panel.Targets {
			queries++
			expr := asGrafanaSends.Replace(target.Expr)
			if strings.Contains(expr, "$") {
				t.Errorf("%s: unknown variable in %s", panel.Title, expr)
			}
			wantNoMistakes(t, expr, all)
			if len(evaluated(t, series, expr)) == 0 {
				t.Errorf("%s: %s finds nothing", panel.Title, expr)
			}
			if target.Datasource.UID != "${datasource}" {
				t.Errorf("%s is bound to the data source %s", panel.Title, target.Datasource.UID)
			}
		}
	}
	if queries == 0 {
		t.Error("no queries")
	}
}

// labelValues matches the query with which a variable of a dashboard gets the values of a label.
var labelValues = regexp.MustCompile(`^label_values\((.+),\s*(\w+)\)$`)

func TestDashboardVariables(t *testing.T) {
	all := exposed(t)
	var names []string
	for _, variable := range readDashboard(t).Templating.List {
		names = append(names, variable.Name)
		if variable.Type == "datasource" || variable.Type == "textbox" {
			continue
		}
		m := labelValues.FindStringSubmatch(variable.Definition)
		if m == nil || m[2] != variable.Name {
			t.Errorf("variable %s: %s", variable.Name, variable.Definition)
			continue
		}
		wantNoMistakes(t, "count by ("+m[2]+") ("+asGrafanaSends.Replace(m[1])+")", all)
	}
	if got := strings.Join(names, " "); got != "datasource job instance queue inspector" {
		t.Errorf("variables %s", got)
	}
}

// TestLinks wants links of the dashboard and of each alert to lead to pages that there are.
func TestLinks(t *testing.T) {
	links := map[string]string{}
	for _, link := range readDashboard(t).Links {
		links["dashboard, "+link.Title] = link.URL
	}
	if links["dashboard, Inspector"] != "${inspector}" {
		t.Errorf("the dashboard does not lead to the inspector: %v", links)
	}
	delete(links, "dashboard, Inspector")
	for name, rule := range readAlerts(t) {
		links[name] = rule.Annotations["runbook_url"]
	}
	for name, link := range links {
		page, ok := strings.CutPrefix(link, "https://github.com/d13c7061/caddy-tim-callback/blob/main/")
		if _, err := os.Stat("../" + page); !ok || err != nil {
			t.Errorf("%s leads to %q: %v", name, link, err)
		}
	}
}

// TestDashboardLayout checks that no panels overlap or are too wide, since Grafana would move
// them.
func TestDashboardLayout(t *testing.T) {
	taken := make(map[[2]int]string)
	ids := make(map[int]bool)
	d := readDashboard(t)
	if d.SchemaVersion < 42 {
		t.Errorf("schema %d", d.SchemaVersion)
	}
	for _, panel := range d.Panels {
		if ids[panel.ID] || panel.ID == 0 || panel.Title == "" || panel.Type != "row" && (panel.Description == "" || len(panel.Targets) == 0) {
			t.Errorf("panel %d %q lacks something, or has another one's ID", panel.ID, panel.Title)
		}
		ids[panel.ID] = true
		at := panel.GridPos
		if at.W <= 0 || at.H <= 0 || at.X < 0 || at.X+at.W > 24 {
			t.Errorf("%s is at %+v", panel.Title, at)
		}
		for x := at.X; x < at.X+at.W; x++ {
			for y := at.Y; y < at.Y+at.H; y++ {
				if other, ok := taken[[2]int{x, y}]; ok {
					t.Fatalf("%s overlaps %s", panel.Title, other)
				}
				taken[[2]int{x, y}] = panel.Title
			}
		}
	}
}
