package simulator

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

func TestSamples(t *testing.T) {
	commands := tencent.SampleCommands()
	start := time.UnixMilli(1656921052497)
	next := Samples(commands, "id2", &EventClock{Start: start})
	bodies := make(map[string]bool)
	for i := range 2 * len(commands) {
		command, body := next()
		if command != commands[i%len(commands)] {
			t.Errorf("%d: got %s", i, command)
		}
		s, err := callback.ScanBody(callback.Query{SDKAppID: "1", Command: command}, body)
		if err != nil {
			t.Fatalf("%s: %v: %s", command, err, body)
		}
		if want := start.Add(time.Duration(i) * time.Millisecond); !s.EventTime.Equal(want) {
			t.Errorf("%s: the event is at %v, want %v", command, s.EventTime, want)
		}
		if !strings.Contains(string(body), `"id2"`) || slices.Contains(s.ResultItems, "id2") {
			t.Errorf("%s is not about a user and others: %s", command, body)
		}
		bodies[string(body)] = true
	}
	if len(bodies) != 2*len(commands) {
		t.Errorf("%d different bodies", len(bodies))
	}
}
