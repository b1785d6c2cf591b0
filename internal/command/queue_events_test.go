package command_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestQueueEvents lists more events than one page has, and chooses some of them.
func TestQueueEvents(t *testing.T) {
	o := operate(t, caddytest.FreeAddress(), "default")
	if r := o.queue("events"); r.Code != 0 || r.Stdout != "" || r.Stderr != "queue default has no such events\n" {
		t.Errorf("%+v", r)
	}
	if r := o.queue("events", "--json"); r.Code != 0 || r.Stdout != "[]\n" {
		t.Errorf("%+v", r)
	}
	const n = 120
	for i := range n - 1 {
		o.send("default", fmt.Sprint("user", i))
	}
	o.send("default", "张三\u202e")
	o.dead("default", n)

	all := events(t, o.queue("events", "--json"))
	if len(all) != n || all[7].Event != nil {
		t.Fatalf("%d events, %s", len(all), all[0].Event)
	}
	r := o.queue("events")
	lines := strings.Split(strings.TrimSuffix(r.Stdout, "\n"), "\n")
	if r.Code != 0 || len(lines) != 1+n || !regexp.MustCompile(`^ID +STATE  SUBJECT +TYPE +TRIES  AGE  LAST ERROR$`).MatchString(lines[0]) {
		t.Errorf("%+v", r)
	}
	row := regexp.MustCompile(`^[0-9a-f]{32}  dead   (张三\x{fffd}|user\d+) +PortraitSet +\d+ +\d+s  404 Not Found$`)
	for i, line := range lines[1:] {
		if !row.MatchString(line) || !strings.HasPrefix(line, all[i].ID) {
			t.Errorf("row %d: %q, want %s", i, line, all[i].ID)
		}
	}
	for _, tc := range []struct {
		args string
		want int
	}{
		{"--state dead", n},
		{"--state waiting", 0},
		{"--subject user5", 1},
		{"--subject user5 --state delivered", 0},
		{"--command Profile.CallbackPortraitSet --since 1h", n},
		{"--command Group.*", 0},
		{"--until 1h", 0},
		{"--since 2000-01-01T00:00:00Z --limit 101", 101},
		{"--id " + all[3].ID, 1},
		{"--after " + all[n-3].Cursor + " --queue default", 2},
	} {
		if got := events(t, o.queue(append([]string{"events", "--json"}, strings.Fields(tc.args)...)...)); len(got) != tc.want {
			t.Errorf("%s: %d events, want %d", tc.args, len(got), tc.want)
		}
	}
	got := events(t, o.queue("events", "--json", "--payload", "--limit", "1"))
	if len(got) != 1 || !strings.Contains(string(got[0].Event), "a <secret> nick") && !strings.Contains(string(got[0].Event), `a \u003csecret\u003e nick`) || len(got[0].History) != 5 {
		t.Errorf("%+v", got)
	}
	r = o.queue("events", "--payload", "--limit", "2")
	if lines := strings.Split(r.Stdout, "\n"); r.Code != 0 || len(lines) != 1+2*7+1 || !strings.HasSuffix(lines[2], " 404 Not Found") || !strings.HasPrefix(lines[7], `  {"changed":"nick"`) {
		t.Errorf("%+v", r)
	}
	for args, want := range map[string]string{
		"--limit -1":        "--limit -1 is less than zero",
		"--since yesterday": `--since "yesterday": it is neither a time such as 2006-01-02T15:04:05Z nor how long ago that was, such as 2h`,
		"--state live":      `state "live" is none of [waiting in_flight dead delivered]`,
		"--after x":         `this is not the cursor of an event: "x"`,
		"--queue nobody":    `there is no queue "nobody"; there are: default`,
		"default":           `unexpected argument "default": a queue is chosen with --queue default`,
	} {
		if r := o.queue(append([]string{"events"}, strings.Fields(args)...)...); r.Code != 1 || r.Stdout != "" || r.Stderr != "Error: "+want+"\n" {
			t.Errorf("%s: %+v, want %s", args, r, want)
		}
	}
}

// events returns the events that `queue events --json` printed.
func events(t *testing.T, r caddytest.Result) (list []adminapi.Event) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.Stdout), &list); err != nil || r.Code != 0 {
		t.Fatalf("%v: %+v", err, r)
	}
	return list
}
