package profile

import (
	"encoding/json"
	"errors"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// bare is a query with only the required parameters.
var bare = callback.Query{SDKAppID: "1", Command: Command}

func parseQuery(tb testing.TB, raw string) callback.Query {
	tb.Helper()
	q, err := callback.ParseQuery(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

func decode(tb testing.TB, q callback.Query, body string) *Event {
	tb.Helper()
	e, err := Decode(q, []byte(body))
	if err != nil {
		tb.Fatalf("%v\n%s", err, body)
	}
	return e
}

// withItems returns a body with these elements of ProfileItem.
func withItems(items string) string { return `{"From_Account":"u","ProfileItem":[` + items + `]}` }

// reasonOf returns the reason of a refusal, and "" for nil.
func reasonOf(tb testing.TB, err error) callback.Reason {
	tb.Helper()
	if err == nil {
		return ""
	}
	refusal, ok := errors.AsType[*callback.Error](err)
	if !ok {
		tb.Fatalf("error %T %v, want *callback.Error", err, err)
	}
	return refusal.Reason
}

// reread marshals e, reads the result into back, and marshals back.
func reread(tb testing.TB, e *Event) (once, twice string, back *Event) {
	tb.Helper()
	first := e.AppendJSON(nil)
	back = new(Event)
	if err := json.Unmarshal(first, back); err != nil {
		tb.Fatalf("%v\n%s", err, first)
	}
	return string(first), string(back.AppendJSON(nil)), back
}
