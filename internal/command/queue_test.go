package command_test

import (
	"encoding/json"
	"fmt"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestQueue lists, replays and drops more dead letters than one page has.
func TestQueue(t *testing.T) {
	o := operate(t, caddytest.FreeAddress(), "default")

	if r := o.queue("list"); r.Code != 0 || r.Stdout != "NAME     STORE  WAITING  IN FLIGHT  DEAD  SIZE  OLDEST\ndefault  file         0          0     0   0 B       -\n" {
		t.Errorf("list: %+v", r)
	}
	if r := o.queue("dead"); r.Code != 0 || r.Stdout != "" || r.Stderr != "queue default has no dead letters\n" {
		t.Errorf("dead: %+v", r)
	}
	if r := o.queue("dead", "--json"); r.Code != 0 || r.Stdout != "[]\n" {
		t.Errorf("dead: %+v", r)
	}

	const n = 230
	o.send("default", "张三\u202e")
	o.dead("default", 1) // this event must be the first dead letter
	for i := range n - 1 {
		o.send("default", fmt.Sprint("user", i))
	}
	o.dead("default", n)

	all := letters(t, o.queue("dead", "--json"))
	ids := make([]string, len(all))
	for i, l := range all {
		var event struct {
			ID   string
			Data struct {
				FromAccount string `json:"from_account"`
				Profile     struct{ Nick string }
			}
		}
		if err := json.Unmarshal(l.Event, &event); err != nil || event.ID != l.ID || event.Data.FromAccount != l.Subject ||
			event.Data.Profile.Nick != "a <secret> nick" || l.Attempts < 5 || l.LastError != "404 Not Found" {
			t.Errorf("%+v: %s", l, l.Event)
		}
		ids[i] = l.ID
	}
	if len(all) != n || all[0].Subject != "张三\u202e" {
		t.Fatalf("%d dead letters, the first of %q", len(all), all[0].Subject)
	}

	r := o.queue("dead")
	lines := strings.Split(strings.TrimSuffix(r.Stdout, "\n"), "\n")
	if r.Code != 0 || len(lines) != 1+n || strings.Contains(r.Stdout, "secret") || regexp.MustCompile(`[^\n -~张三\x{fffd}]`).MatchString(r.Stdout) {
		t.Errorf("dead: %+v", r)
	}
	row := regexp.MustCompile(`^[0-9a-f]{32}  (张三\x{fffd}|user\d+) +PortraitSet +\d+ +\d+s  404 Not Found$`)
	for i, line := range lines[1:] {
		if !row.MatchString(line) || !strings.HasPrefix(line, ids[i]) {
			t.Errorf("row %d: %q, want %s", i, line, ids[i])
		}
	}
	if want := fmt.Sprintf("%-32s  SUBJECT  TYPE         TRIES  DIED  LAST ERROR", "ID"); lines[0] != want {
		t.Errorf("titles %q, want %q", lines[0], want)
	}

	for _, tc := range []struct {
		args []string
		want []string
	}{
		{[]string{"--limit", "1"}, ids[:1]},
		{[]string{"--limit", "100"}, ids[:100]},
		{[]string{"--limit", "101"}, ids[:101]},
		{[]string{"--limit", "1000"}, ids},
		{[]string{"--after", all[99].Cursor}, ids[100:]},
		{[]string{"--after", all[99].Cursor, "--limit", "2"}, ids[100:102]},
		{[]string{"--after", all[n-1].Cursor}, nil},
		{[]string{"--queue", "default", "--limit", "3"}, ids[:3]},
	} {
		var got []string
		for _, l := range letters(t, o.queue(append([]string{"dead", "--json"}, tc.args...)...)) {
			got = append(got, l.ID)
		}
		if strings.Join(got, " ") != strings.Join(tc.want, " ") {
			t.Errorf("dead %q: got %d, want %d", tc.args, len(got), len(tc.want))
		}
	}

	for _, tc := range []struct {
		args []string
		want string // of the error
	}{
		{[]string{"replay"}, "give the IDs of events, filters such as --since 2h, or --all"},
		{[]string{"replay", "--state", "dead"}, "give the IDs of events, filters such as --since 2h, or --all"},
		{[]string{"replay", "--since", "1h", ids[0]}, "give either IDs or filters, not both"},
		{[]string{"replay", "--since", "1h", "--all"}, "give either --all or filters, not both"},
		{[]string{"replay", "--state", "waiting", "--all"}, "without IDs the state must be dead or delivered"},
		{[]string{"drop"}, "give the IDs of dead letters, or --all"},
		{[]string{"replay", "--all", ids[0]}, "give either IDs or --all, not both"},
		{[]string{"drop", "--all", ids[0]}, "give either IDs or --all, not both"},
		{[]string{"drop", ids[0], "x\x1b[2J"}, "no such dead letter: \"x\\x1b[2J\""},
		{[]string{"replay", ids[0], "nobody"}, `no dead letter or delivered event has the ID "nobody"`},
		{[]string{"dead", "--queue", "nobody"}, `there is no queue "nobody"; there are: default`},
		{[]string{"drop", "--all", "--queue", "nobody"}, `there is no queue "nobody"; there are: default`},
		{[]string{"dead", "--queue", "../x"}, `--queue "../x": the name of a queue has 1 to 64 characters, of a-z, 0-9, _ and -`},
		{[]string{"dead", "--after", "nobody"}, `"nobody" is not a cursor of a dead letter`},
		{[]string{"dead", "--limit", "-1"}, "--limit -1 is less than zero"},
		{[]string{"dead", "--limit", "x"}, `invalid argument "x" for "--limit" flag: strconv.ParseInt: parsing "x": invalid syntax`},
		{[]string{"dead", "default"}, `unexpected argument "default": a queue is chosen with --queue default`},
		{[]string{"dead", "default", "other"}, `unknown command "default" for "caddy tim-callback queue dead"`},
		{[]string{"list", "surplus"}, `unknown command "surplus" for "caddy tim-callback queue list"`},
		{[]string{"surplus"}, `unknown command "surplus" for "caddy tim-callback queue"`},
		{[]string{"replay", "--all", "--yes"}, "unknown flag: --yes"},
	} {
		r := o.queue(tc.args...)
		if r.Code != 1 || r.Stdout != "" || r.Stderr != "Error: "+tc.want+"\n" {
			t.Errorf("%q: %+v, want %s", tc.args, r, tc.want)
		}
	}
	o.dead("default", n)

	if r := o.queue("drop", ids[0], ids[0]); r.Code != 0 || r.Stdout != "dropped 1 dead letter of queue default\n" {
		t.Errorf("drop: %+v", r)
	}
	if r := o.queue("replay", ids[1], ids[2]); r.Code != 0 || r.Stdout != "replayed 2 events of queue default\n" {
		t.Errorf("replay: %+v", r)
	}
	o.dead("default", n-1) // the backend refuses them again
	o.backend.Answer(200)
	if r := o.queue("replay", "--json", ids[3]); r.Code != 0 || r.Stdout != `{"matched":1,"replayed":1}`+"\n" {
		t.Errorf("replay: %+v", r)
	}
	o.dead("default", n-2)
	if r := o.queue("drop", "--queue", "default", "--json", ids[4]); r.Code != 0 || r.Stdout != `{"dropped":1}`+"\n" {
		t.Errorf("drop: %+v", r)
	}
	if r := o.queue("replay", "--command", "Profile.*", "--since", "1h", "--dry-run"); r.Code != 0 || r.Stdout != fmt.Sprintf("%d dead letters of queue default would be replayed\n", n-3) {
		t.Errorf("replay: %+v", r)
	}
	if r := o.queue("replay", "--subject", all[5].Subject, "--dry-run", "--json"); r.Code != 0 || r.Stdout != `{"matched":1,"replayed":0}`+"\n" {
		t.Errorf("replay: %+v", r)
	}
	if r := o.queue("replay", "--state", "delivered", "--all"); r.Code != 0 || r.Stdout != "replayed 0 events of queue default\n" {
		t.Errorf("replay: %+v", r)
	}
	if r := o.queue("replay", "--subject", all[5].Subject); r.Code != 0 || r.Stdout != "replayed 1 dead letter of queue default\n" {
		t.Errorf("replay: %+v", r)
	}
	o.dead("default", n-4)
	if r := o.queue("replay", "--all"); r.Code != 0 || r.Stdout != fmt.Sprintf("replayed %d dead letters of queue default\n", n-4) {
		t.Errorf("replay: %+v", r)
	}
	o.dead("default", 0)
	if r := o.queue("drop", "--all"); r.Code != 0 || r.Stdout != "dropped 0 dead letters of queue default\n" {
		t.Errorf("drop: %+v", r)
	}
}

// TestQueues has several queues behind an admin endpoint on a Unix socket.
func TestQueues(t *testing.T) {
	o := operate(t, "unix/"+filepath.Join(t.TempDir(), "admin.sock"), "orders", "profiles")
	o.send("profiles", "id1", "id2")
	o.dead("profiles", 2)

	r := o.queue("list")
	if r.Code != 0 || !regexp.MustCompile(`^NAME .*\norders +file +0 +0 +0 +0 B +-\nprofiles +file +0 +0 +2 +[0-9.]+ KiB +-\n$`).MatchString(r.Stdout) {
		t.Errorf("list: %+v", r)
	}
	for _, command := range []string{"dead", "replay --all", "drop --all"} {
		r := o.queue(strings.Fields(command)...)
		if r.Code != 1 || r.Stderr != "Error: there are several queues; choose one with --queue: orders, profiles\n" {
			t.Errorf("%s: %+v", command, r)
		}
	}
	r = caddytest.Run(t, "tim-callback", "queue", "dead", "--queue", "profiles", "--config", o.caddyfile(), "--adapter", "caddyfile", "--json")
	if got := letters(t, r); len(got) != 2 {
		t.Errorf("%d dead letters", len(got))
	}
	if r := o.queue("drop", "--all", "--queue", "profiles"); r.Code != 0 || r.Stdout != "dropped 2 dead letters of queue profiles\n" {
		t.Errorf("drop: %+v", r)
	}
	o.dead("profiles", 0)
}

func TestQueueNobody(t *testing.T) {
	nobody := caddytest.FreeAddress()
	socket := "unix/" + filepath.Join(t.TempDir(), "none.sock")
	for _, tc := range []struct{ args, want string }{
		{"list --address " + nobody, "Error: no answer from Caddy's admin endpoint at " + nobody + " (is Caddy running there? "},
		{"dead --address " + socket, "Error: no answer from Caddy's admin endpoint at " + socket + " (is Caddy running there? "},
		{"list --config nowhere --adapter caddyfile", "Error: "},
		{"list --address not:an:address", "Error: "},
		{"list --address http://localhost:2019", "Error: --address \"http://localhost:2019\": use host:port"},
		{"drop --all --config ../../caddyfile/quickstart.Caddyfile", "Error: the admin endpoint is switched off in ../../caddyfile/quickstart.Caddyfile"},
	} {
		r := caddytest.Run(t, append([]string{"tim-callback", "queue"}, strings.Fields(tc.args)...)...)
		if r.Code != 1 || r.Stdout != "" || !strings.HasPrefix(lastLine(r.Stderr), tc.want) {
			t.Errorf("%s: %+v", tc.args, r)
		}
	}
}

func TestQueueWithoutOne(t *testing.T) {
	o := operate(t, caddytest.FreeAddress())
	if r := o.queue("list"); r.Code != 0 || r.Stdout != "" || r.Stderr != "there is no queue\n" {
		t.Errorf("list: %+v", r)
	}
	if r := o.queue("list", "--json"); r.Code != 0 || r.Stdout != "[]\n" {
		t.Errorf("list: %+v", r)
	}
	if r := o.queue("dead"); r.Code != 1 || r.Stderr != "Error: there is no queue\n" {
		t.Errorf("dead: %+v", r)
	}
}

// letters returns the dead letters that `queue dead --json` printed.
func letters(t *testing.T, r caddytest.Result) (letters []adminapi.DeadLetter) {
	t.Helper()
	if err := json.Unmarshal([]byte(r.Stdout), &letters); err != nil || r.Code != 0 {
		t.Fatalf("%v: %+v", err, r)
	}
	return letters
}

func lastLine(s string) string {
	s = strings.TrimSuffix(s, "\n")
	return s[strings.LastIndex(s, "\n")+1:]
}
