package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// refusing is a Caddy with a queue whose backend refuses every event, and says why.
type refusing struct {
	*caddytest.Edge
	t    *testing.T
	port int
	site string
}

func startRefusing(t *testing.T, options string) *refusing {
	t.Helper()
	return startRefusingWith(t, "", options)
}

// startRefusingWith has global options, too.
func startRefusingWith(t *testing.T, global, options string) *refusing {
	t.Helper()
	address := caddytest.Serve(t, func(w http.ResponseWriter, r *http.Request) {
		if strings.Contains(r.Header.Get("Ce-Subject"), caddytest.TakenUser) {
			w.WriteHeader(http.StatusNoContent)
			return
		}
		http.Error(w, "no such user: "+r.Header.Get("Ce-Subject"), http.StatusNotFound)
	})
	port := caddytest.FreePort()
	e := &caddytest.Edge{AdminAddress: fmt.Sprintf("localhost:%d", port), Global: global}
	site := "tim_callback 1400000000 xxxxyyyy {\n" + caddytest.QueueBlock(t.TempDir(), address, options) + "\n}"
	e.Start(t, site)
	return &refusing{e, t, port, site}
}

// send sends callbacks of users, and waits until the queue has so many dead letters and nothing else.
func (r *refusing) send(dead int, users ...string) {
	r.t.Helper()
	for n, user := range users {
		if status, _, err := r.Send(r.Client, caddytest.SignedQuery(), caddytest.BodyOf(user, n)); status != 200 {
			r.t.Fatalf("%d %v", status, err)
		}
	}
	taken := 0
	caddytest.Eventually(r.t, func() bool {
		taken++
		_, _, _ = r.Send(r.Client, caddytest.SignedQuery(), caddytest.BodyOf(caddytest.TakenUser, taken))
		c := count(r.t)
		return c.Dead == dead && c.Waiting+c.InFlight == 0
	}, "%d dead letters", dead)
}

// events lists events with the parameters.
func (r *refusing) events(query string) (page adminapi.Events) {
	r.t.Helper()
	status, body := ask(r.t, r.port, "GET", "/default/events?"+query, "")
	if status != 200 {
		r.t.Fatalf("%s: %d %s", query, status, body)
	}
	decode(r.t, body, &page)
	return page
}

func subjectsOf(page adminapi.Events) string {
	var list []string
	for _, e := range page.Events {
		list = append(list, e.Subject)
	}
	return strings.Join(list, " ")
}

func TestEvents(t *testing.T) {
	r := startRefusing(t, "")
	if status, body := ask(t, r.port, "GET", "/default/events", ""); status != 200 || strings.TrimSpace(body) != `{"events":[]}` {
		t.Errorf("%d %s", status, body)
	}
	began := time.Now()
	users := []string{"id1", `a"b\c`, "张三"}
	r.send(3, users...)
	all := r.events("")
	if len(all.Events) != 3 || all.Next != "" {
		t.Fatalf("%+v", all)
	}
	for _, e := range all.Events {
		if e.State != "dead" || e.Attempts < 5 || len(e.History) != 5 || e.LastError != "404 Not Found" || e.LastAttempt == nil || e.NextAttempt != nil || e.Delivered != nil ||
			e.Type != "com.tencent.im.Profile.CallbackPortraitSet" || e.Event != nil || e.Received.Before(began.Add(-time.Second)) {
			t.Errorf("%+v", e)
		}
		for _, a := range e.History {
			if a.Error != "404 Not Found" || a.Answer != "" || a.Took <= 0 || a.At.Before(e.Received) {
				t.Errorf("%s: %+v", e.ID, a)
			}
		}
	}
	for _, e := range r.events("payload=true").Events {
		var event struct{ ID, Subject string }
		if err := json.Unmarshal(e.Event, &event); err != nil || event.ID != e.ID || event.Subject != e.Subject {
			t.Errorf("%s: %v", e.Event, err)
		}
		if answer := e.History[4].Answer; !strings.HasPrefix(answer, "no such user: ") {
			t.Errorf("the backend answered %q", answer)
		}
	}
	for query, want := range map[string]string{
		"state=dead":                          subjectsOf(all),
		"state=waiting":                       "",
		"state=in_flight":                     "",
		"state=delivered":                     "",
		"subject=id1":                         "id1",
		"subject=id":                          "",
		"subject=" + url.QueryEscape(`a"b\c`): `a"b\c`,
		"subject=" + url.QueryEscape("张三"):    "张三",
		"command=Profile.CallbackPortraitSet": subjectsOf(all),
		"command=Profile.*&state=dead":        subjectsOf(all),
		"command=Group.*":                     "",
		"since=1h":                            subjectsOf(all),
		"since=0s":                            "",
		"until=1h":                            "",
		"until=" + url.QueryEscape(time.Now().Format(time.RFC3339Nano)): subjectsOf(all),
		"id=" + all.Events[1].ID: all.Events[1].Subject,
		"id=nobody":              "",
		"limit=1":                all.Events[0].Subject,
		"after=" + all.Events[0].Cursor + "&limit=1": all.Events[1].Subject,
		"after=" + all.Events[2].Cursor:              "",
	} {
		if got := subjectsOf(r.events(query)); got != want {
			t.Errorf("%s: got %q, want %q", query, got, want)
		}
	}
	if page := r.events("limit=2"); page.Next != all.Events[1].Cursor {
		t.Errorf("the next page begins after %q, want %q", page.Next, all.Events[1].Cursor)
	}
	for query, want := range map[string]string{
		"state=live":         `state "live" is none of [waiting in_flight dead delivered]`,
		"states=dead":        `the parameter "states" is unknown`,
		"state=dead&state=x": "the parameter state is set twice",
		"limit=0":            `limit "0" is not a number from 1 to 1000`,
		"limit=1001":         `limit "1001" is not a number from 1 to 1000`,
		"after=x":            `this is not the cursor of an event: "x"`,
		"since=x":            `since "x": it is neither a time such as 2006-01-02T15:04:05Z nor how long ago that was, such as 2h`,
		"until=-1h":          `until "-1h": it is neither a time`,
		"since=1h&until=2h":  "since is not before until",
		"command=a%20b":      `command "a b": a command is a name such as`,
		"payload=yes":        `payload "yes" is neither true nor false`,
		"%zz":                "invalid URL escape",
	} {
		status, body := ask(t, r.port, "GET", "/default/events?"+query, "")
		var answer struct{ Error string }
		if status != 400 || json.Unmarshal([]byte(body), &answer) != nil || !strings.HasPrefix(answer.Error, want) {
			t.Errorf("%s: %d %s, want %s", query, status, body, want)
		}
	}
	for path, want := range map[string]int{"/default/events/x": 404, "/nobody/events": 404} {
		if status, body := ask(t, r.port, "GET", path, ""); status != want {
			t.Errorf("%s: %d %s", path, status, body)
		}
	}
	if status, body := ask(t, r.port, "POST", "/default/events", ""); status != 405 {
		t.Errorf("%d %s", status, body)
	}
}
