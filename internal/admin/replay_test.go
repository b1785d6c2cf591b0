package admin_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestReplay replays dead letters and delivered events by filters and by IDs.
func TestReplay(t *testing.T) {
	backend := caddytest.StartBackend(t)
	port := caddytest.FreePort()
	e := &caddytest.Edge{AdminAddress: fmt.Sprintf("localhost:%d", port)}
	e.Start(t, "tim_callback 1400000000 xxxxyyyy {\n"+caddytest.QueueBlock(t.TempDir(), backend.Address, "retain 1h")+"\n}")
	r := &refusing{Edge: e, t: t, port: port}
	replay := func(body string, status int, want string) {
		t.Helper()
		if got, text := ask(t, port, "POST", "/default/events/replay", body); got != status || !strings.Contains(text, want) {
			t.Errorf("%s: %d %s, want %d %s", body, got, text, status, want)
		}
	}
	for n, user := range []string{"id1", "id2", "id1"} {
		if status, _, err := e.Send(e.Client, caddytest.SignedQuery(), caddytest.BodyOf(user, n)); status != 200 {
			t.Fatal(status, err)
		}
	}
	caddytest.WaitEmpty(t, "default")
	delivered := func() int { return len(r.events("state=delivered&subject=id1").Events) }
	caddytest.Eventually(t, func() bool { return delivered() == 2 }, "two are retained")
	for _, event := range r.events("state=delivered").Events {
		if event.Delivered == nil || event.Attempts != 1 || len(event.History) != 1 || event.History[0].Error != "" {
			t.Errorf("%+v", event)
		}
	}

	backend.Forget()
	replay(`{"state":"delivered","subject":"id1","dry_run":true}`, 200, `{"matched":2,"replayed":0}`)
	replay(`{"state":"dead","subject":"id1"}`, 200, `{"matched":0,"replayed":0}`)
	replay(`{"state":"delivered","command":"Group.*"}`, 200, `{"matched":0,"replayed":0}`)
	replay(`{"state":"delivered","until":"1h"}`, 200, `{"matched":0,"replayed":0}`)
	if requests, _ := backend.Got(); len(requests) != 0 {
		t.Errorf("%d were replayed", len(requests))
	}
	before := r.events("state=delivered&subject=id1").Events
	replay(`{"state":"delivered","subject":"id1","since":"1h"}`, 200, `{"matched":2,"replayed":2}`)
	caddytest.Eventually(t, func() bool { return delivered() == 2 }, "they are delivered again")
	requests, _ := backend.Got()
	if len(requests) != 2 || requests[0].Header.Get("Ce-Id") != before[0].ID || requests[1].Header.Get("Ce-Id") != before[1].ID {
		t.Errorf("%d were replayed, want %+v", len(requests), before)
	}

	backend.Answer(http.StatusNotFound)
	r.send(2, "dead1", "dead2")
	backend.Answer(http.StatusNoContent)
	dead := r.events("state=dead").Events
	backend.Forget()
	replay(`{"ids":["`+dead[1].ID+`","nobody"]}`, 404, "no dead letter or delivered event has the ID \\\"nobody\\\"")
	replay(`{"ids":["`+dead[1].ID+`","`+before[0].ID+`"],"dry_run":true}`, 200, `{"matched":2,"replayed":0}`)
	replay(`{"ids":["`+dead[1].ID+`","`+before[0].ID+`"]}`, 200, `{"matched":2,"replayed":2}`)
	replay(`{"state":"dead"}`, 200, `{"matched":1,"replayed":1}`)
	caddytest.Eventually(t, func() bool { requests, _ := backend.Got(); return len(requests) == 3 }, "three are delivered again")

	for body, want := range map[string]string{
		"":                             `the body must be {\"ids\":[…]} or a filter`,
		"{}":                           "without IDs the state must be dead or delivered",
		`{"state":"waiting"}`:          "without IDs the state must be dead or delivered",
		`{"subject":"x"}`:              "without IDs the state must be dead or delivered",
		`{"ids":["x"],"state":"dead"}`: "there must be either IDs or a filter, not both",
		`{"state":"dead","since":"x"}`: `since \"x\"`,
		`{"state":"dead","all":true}`:  "unknown field",
		`{"ids":[` + strings.Repeat(`"x",`, 10_000) + `"x"]}`: "10001 IDs",
	} {
		replay(body, 400, want)
	}
	if status, body := ask(t, port, "GET", "/default/events/replay", ""); status != 405 || !json.Valid([]byte(body)) {
		t.Errorf("%d %s", status, body)
	}
}
