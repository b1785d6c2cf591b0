package tencent

import (
	"encoding/json"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

var sampleEvent = Event{From: `a"b`, To: [2]string{"用户", "{from}"}, GroupID: "@TGS#1", Time: time.UnixMilli(1656921052497)}

// Each sample is a callback of a known command, from which a receiver learns everything that
// the table of commands promises.
func TestSampleBody(t *testing.T) {
	for command := range samples {
		t.Run(command, func(t *testing.T) {
			c, known := callback.Lookup(command)
			if !known || !c.Documented {
				t.Errorf("the table of commands has %+v", c)
			}
			body, ok := SampleBody(command, sampleEvent)
			if !ok || !json.Valid(body) {
				t.Fatalf("this is not JSON: %s", body)
			}
			q := callback.Query{SDKAppID: "1", Command: command}
			s, err := callback.ScanBody(q, body)
			if err != nil {
				t.Fatal(err)
			}
			if s.Subject == "" || !s.Unique || !s.EventTime.Equal(sampleEvent.Time) || strings.HasSuffix(s.Lane, command) {
				t.Errorf("got %+v", s)
			}
			if c.Lane == callback.LaneGroup && s.Subject != "@TGS#1" || c.Lane == callback.LaneAccount && s.Subject != `a"b` {
				t.Errorf("the event is about %q", s.Subject)
			}
			if c.ResultItems != "" && !slices.Equal(s.ResultItems, sampleEvent.To[:]) {
				t.Errorf("a ResultItem is needed for %q", s.ResultItems)
			}
			later := sampleEvent
			later.Time = later.Time.Add(time.Millisecond)
			next, _ := SampleBody(command, later)
			for _, name := range []string{"EventTime", "MsgSeq", "MsgKey"} {
				if a, b := member(t, body, name), member(t, next, name); a == b && a != "" {
					t.Errorf("%s is %s in both events", name, a)
				}
			}
		})
	}
	if _, ok := SampleBody("Sns.CallbackFriendAdd", sampleEvent); ok {
		t.Error("there is a sample of Sns.CallbackFriendAdd")
	}
}

func member(t *testing.T, body []byte, name string) string {
	t.Helper()
	var members map[string]json.RawMessage
	if err := json.Unmarshal(body, &members); err != nil {
		t.Fatal(err)
	}
	return string(members[name])
}

func TestSampleCommands(t *testing.T) {
	got := SampleCommands()
	if len(got) != len(samples)+1 || !slices.Contains(got, "Profile.CallbackPortraitSet") {
		t.Errorf("got %q", got)
	}
	for _, command := range got {
		if err := CanMakeBody(command); err != nil {
			t.Error(err)
		}
	}
	if err := CanMakeBody("all"); err == nil {
		t.Error("all is not a command")
	}
}
