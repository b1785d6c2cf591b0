package profile

import (
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

// The ID does not depend on the rest of the query, since Sign differs when a callback is sent again.
func TestIDOfSameCallback(t *testing.T) {
	first := decode(t, parseQuery(t, sample.Query), sample.Body)
	again := decode(t, parseQuery(t, sample.SignedQuery), sample.Body)
	if first.ID() != sample.EventID || first.ID() != again.ID() {
		t.Errorf("got %s and %s", first.ID(), again.ID())
	}
}

// Without a time, two different changes may have the same body.
func TestIDWithoutTime(t *testing.T) {
	for _, eventTime := range []string{"", `"EventTime":null,`, `"EventTime":"soon",`, `"EventTime":-1,`} {
		body := `{` + eventTime + `"From_Account":"u","ProfileItem":[]}`
		if a, b := decode(t, bare, body).ID(), decode(t, bare, body).ID(); a == b || len(a) != len(b) {
			t.Errorf("%s: got %s and %s", eventTime, a, b)
		}
	}
}
