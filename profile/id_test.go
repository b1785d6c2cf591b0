package profile

import (
	"strings"
	"testing"
)

func TestEventID(t *testing.T) {
	const want = "2e1430597b19708d0204806aae98a921" // printf '1400000000\nProfile.CallbackPortraitSet\n%s' "$body" | sha256sum
	if got := EventID("1400000000", Command, []byte(sampleBody)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if got := decode(t, parseQuery(t, sampleQuery), sampleBody).ID(); got != want {
		t.Errorf("decoded: got %s, want %s", got, want)
	}
	for name, got := range map[string]string{
		"app":     EventID("1400000001", Command, []byte(sampleBody)),
		"command": EventID("1400000000", "x", []byte(sampleBody)),
		"body":    EventID("1400000000", Command, []byte(sampleBody+" ")),
	} {
		if got == want || len(got) != len(want) {
			t.Errorf("another %s: got %s", name, got)
		}
	}
}

// The rest of the query is not in the ID: Sign differs when a callback is sent again.
func TestEventIDOfSameCallback(t *testing.T) {
	first := decode(t, parseQuery(t, sampleQuery), sampleBody)
	again := decode(t, parseQuery(t, signedQuery), sampleBody)
	if first.ID() != again.ID() {
		t.Errorf("got %s and %s", first.ID(), again.ID())
	}
}

// Without a time two changes may look the same, and are not.
func TestRandomID(t *testing.T) {
	for _, eventTime := range []string{"", `"EventTime":null,`, `"EventTime":"soon",`, `"EventTime":-1,`} {
		body := `{` + eventTime + `"From_Account":"u","ProfileItem":[]}`
		a, b := decode(t, bare, body).ID(), decode(t, bare, body).ID()
		if a == b || len(a) != 2*idBytes || strings.Trim(a, "0123456789abcdef") != "" {
			t.Errorf("%s: got %s and %s", eventTime, a, b)
		}
	}
}
