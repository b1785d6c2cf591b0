package callback

import (
	"errors"
	"testing"
	"time"
)

// command is the callback command of the sample.
const command = "Profile.CallbackPortraitSet"

// sampleNow is when the sample was signed.
var sampleNow = time.Unix(1669872112, 0)

func parseQuery(tb testing.TB, raw string) Query {
	tb.Helper()
	q, err := ParseQuery(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

// reasonOf returns the reason of a refusal, and "" for nil.
func reasonOf(tb testing.TB, err error) Reason {
	tb.Helper()
	if err == nil {
		return ""
	}
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		tb.Fatalf("error %T %v, want *Error", err, err)
	}
	return refusal.Reason
}
