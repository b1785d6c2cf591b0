package callback

import (
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

func TestEventID(t *testing.T) {
	const want = sample.EventID
	if got := EventID("1400000000", command, "", []byte(sample.Body)); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	for name, got := range map[string]string{
		"app":     EventID("1400000001", command, "", []byte(sample.Body)),
		"command": EventID("1400000000", "x", "", []byte(sample.Body)),
		"body":    EventID("1400000000", command, "", []byte(sample.Body+" ")),
		"request": EventID("1400000000", command, "r", sample.Body),
	} {
		if got == want || len(got) != len(want) {
			t.Errorf("another %s: got %s", name, got)
		}
	}
}

func TestRandomID(t *testing.T) {
	a, b := RandomID(), RandomID()
	if a == b || len(a) != len(sample.EventID) || strings.Trim(a, "0123456789abcdef") != "" {
		t.Errorf("got %s and %s", a, b)
	}
}
