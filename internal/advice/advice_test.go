package advice

import (
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/recent"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

func in(l Language) Format {
	return Format{Language: l, Text: strings.ToUpper, Span: time.Duration.String}
}

func TestOnEvent(t *testing.T) {
	const id = "c5a9f06b4c7f4d1f9d55c6b2f9b4d8e1"
	for _, tc := range []struct {
		event Event
		want  string
		helps bool // a command does
	}{
		{Event{State: queue.DeadLetter, LastError: "404 Not Found"}, "The backend refused it: 404 NOT FOUND. Fix the backend, then replay it.", true},
		{Event{State: queue.DeadLetter, LastError: "200 with ActionStatus FAIL"}, "The backend refused it: ", true},
		{Event{State: queue.DeadLetter, LastError: "503 Service Unavailable"}, "The backend could not be reached for too long: 503 SERVICE UNAVAILABLE.", true},
		{Event{State: queue.Delivered}, "The backend has taken it.", true},
		{Event{State: queue.InFlight}, "It is being delivered now.", false},
		{Event{State: queue.Waiting}, "It waits for its turn:", false},
		{Event{State: queue.Waiting, Attempts: 2, LastError: "503"}, "Failed attempts: 2, the last one with: 503. It is tried again by itself.", false},
		{Event{State: queue.Waiting, Attempts: 2, LastError: "503", Wait: 90 * time.Second}, "The next one is in 1m30s;", false},
	} {
		tc.event.ID, tc.event.Queue = id, "default"
		got := OnEvent(tc.event)
		if text := got.In(in(English)); !strings.Contains(text, tc.want) || strings.Contains(text, "\n") || strings.Contains(text, "%!") {
			t.Errorf("%+v: %s", tc.event, text)
		}
		if text := got.In(in(Chinese)); strings.Contains(text, "%!") {
			t.Errorf("%+v: %s", tc.event, text)
		}
		want := ""
		if tc.helps {
			want = "caddy tim-callback queue replay --queue default " + id
		}
		if got.Command != want {
			t.Errorf("%+v: %q", tc.event, got.Command)
		}
	}
}

// TestHostileID makes no command of an ID that a shell would not take as a word.
func TestHostileID(t *testing.T) {
	for _, id := range []string{"", "--all", "x; rm -rf /", "$(x)", "a\nb", "'"} {
		if got := OnEvent(Event{State: queue.Delivered, Queue: "default", ID: id}).Command; got != "" {
			t.Errorf("%q: %q", id, got)
		}
	}
}

func TestOnCallback(t *testing.T) {
	for _, tc := range []struct {
		callback Callback
		want     string
	}{
		{Callback{Result: "ok"}, "no queue was asked to keep it"},
		{Callback{Result: "ok", Undecided: true}, "nobody gave one in time"},
		{Callback{Result: "ok", Duplicate: true, Queue: "default"}, "Tencent has sent it again"},
		{Callback{Result: "ok", Duplicate: true, Queue: "default", State: "delivered"}, "The backend has taken it"},
		{Callback{Result: "ok", Queue: "default", State: "dead", LastError: "404"}, "It became a dead letter (404)"},
		{Callback{Result: "ok", Queue: "default", State: "waiting"}, "It was stored"},
		{Callback{Result: "ok", Queue: "default"}, "It was stored"},
		{Callback{Result: "bad_sign"}, "Its Sign does not match"},
	} {
		if got := OnCallback(tc.callback); !strings.Contains(got.In(in(English)), tc.want) || got.Command != "" {
			t.Errorf("%+v: %s", tc.callback, got.In(in(English)))
		}
	}
	for _, r := range recent.Results() {
		if text := OnCallback(Callback{Result: string(r)}).In(in(English)); text == "" {
			t.Errorf("there is no advice on %s", r)
		}
	}
	for _, a := range []Advice{Never(), UnknownID()} {
		if a.In(in(English)) == "" {
			t.Errorf("%s has no text", a.key)
		}
	}
}

// TestTexts wants each text in both languages, with the same verbs.
func TestTexts(t *testing.T) {
	verb := regexp.MustCompile(`%[a-z]`)
	for key, text := range texts {
		if text[English] == "" || text[Chinese] == "" || !slices.Equal(verb.FindAllString(text[English], -1), verb.FindAllString(text[Chinese], -1)) {
			t.Errorf("%s: %q", key, text)
		}
	}
}
