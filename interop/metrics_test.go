package interop

import (
	"bufio"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/promql/promqltest"
)

var promQL = parser.NewParser(parser.Options{})

// exposed returns the series of this module that the operated site exposes, together with the
// labels that Prometheus adds.
func exposed(t *testing.T) []labels.Labels {
	t.Helper()
	response, err := client.Get(operated.url + "/metrics")
	if err != nil {
		t.Fatal(err)
	}
	defer response.Body.Close()
	if response.StatusCode != http.StatusOK {
		t.Fatal(response.Status)
	}
	var all []labels.Labels
	for lines := bufio.NewScanner(response.Body); lines.Scan(); {
		if !strings.HasPrefix(lines.Text(), "caddy_tim_callback_") {
			continue
		}
		series, err := promQL.ParseMetric(lines.Text()[:strings.LastIndexByte(lines.Text(), ' ')])
		if err != nil {
			t.Fatalf("%s: %v", lines.Text(), err)
		}
		all = append(all, labels.NewBuilder(series).Set("job", "caddy").Set("instance", "a:2019").Labels())
	}
	if len(all) == 0 {
		t.Fatal("no series")
	}
	return all
}

// mistakes returns the selectors of an expression that match no series, the alternatives of
// their regular expressions that match no value, and the labels that it groups by but that no
// selected series has.
func mistakes(expr string, all []labels.Labels) (found []error) {
	parsed, err := promQL.ParseExpr(expr)
	if err != nil {
		return []error{err}
	}
	selected := make(map[string]bool) // the names of the labels of the selected series
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		selector, ok := node.(*parser.VectorSelector)
		if !ok {
			return nil
		}
		series := slices.DeleteFunc(slices.Clone(all), func(series labels.Labels) bool { return !matches(selector.LabelMatchers, series) })
		if len(series) == 0 {
			found = append(found, fmt.Errorf("%s selects nothing", selector))
			return nil
		}
		for _, matcher := range selector.LabelMatchers {
			if matcher.Value == ".*" {
				continue
			}
			for value := range strings.SplitSeq(matcher.Value, "|") {
				name := labels.MustNewMatcher(labels.MatchEqual, model.MetricNameLabel, selector.Name)
				only := labels.MustNewMatcher(labels.MatchEqual, matcher.Name, value)
				if !slices.ContainsFunc(all, func(series labels.Labels) bool { return matches([]*labels.Matcher{name, only}, series) }) {
					found = append(found, fmt.Errorf("%s: there is no %s", selector, only))
				}
			}
		}
		series[0].Range(func(l labels.Label) { selected[l.Name] = true })
		return nil
	})
	parser.Inspect(parsed, func(node parser.Node, _ []parser.Node) error {
		if by, ok := node.(*parser.AggregateExpr); ok {
			for _, name := range by.Grouping {
				if !selected[name] {
					found = append(found, fmt.Errorf("%s is in a grouping, but no selected series has it", name))
				}
			}
		}
		return nil
	})
	return found
}

func wantNoMistakes(t *testing.T, expr string, all []labels.Labels) {
	t.Helper()
	for _, err := range mistakes(expr, all) {
		t.Errorf("%s: %v", expr, err)
	}
}

func matches(matchers []*labels.Matcher, series labels.Labels) bool {
	for _, m := range matchers {
		if !m.Matches(series.Get(m.Name)) {
			return false
		}
	}
	return true
}

// evaluated lets Prometheus' engine evaluate an expression at the end of an hour. The series are
// lines in promtool's notation, with one sample per minute.
func evaluated(t *testing.T, series []string, expr string) promql.Vector {
	t.Helper()
	storage := promqltest.LoadedStorage(t, "load 1m\n  "+strings.Join(series, "\n  ")+"\n")
	engine := promqltest.NewTestEngineWithOpts(t, promql.EngineOpts{MaxSamples: 1e6, Timeout: time.Minute, Parser: promQL})
	query, err := engine.NewInstantQuery(t.Context(), storage, nil, expr, time.Unix(0, 0).Add(time.Hour))
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	defer query.Close()
	vector, err := query.Exec(t.Context()).Vector()
	if err != nil {
		t.Fatalf("%s: %v", expr, err)
	}
	return slices.Clone(vector)
}

// TestMistakes checks that mistakes finds the mistakes in expressions.
func TestMistakes(t *testing.T) {
	all := exposed(t)
	for _, wrong := range []string{
		`caddy_tim_callback_request_total`,
		`caddy_tim_callback_requests_total{result="OK"}`,
		`caddy_tim_callback_requests_total{result=~"ok|okay"}`,
		`caddy_tim_callback_requests_total{result!~"ok|okay"}`,
		`caddy_tim_callback_requests_total{reason="stale"}`,
		`caddy_tim_callback_answer_seconds_bucket{le="1.7"}`,
		`sum by (queue) (caddy_tim_callback_requests_total)`,
		`sum(`,
	} {
		if len(mistakes(wrong, all)) == 0 {
			t.Errorf("%s is wrong, but no mistake was found", wrong)
		}
	}
}
