// Package caddytest is what tests with a real Caddy share: a Caddy in the test's own
// process or in another one, with its own home, CA and ports, a backend behind it, and
// callbacks that are signed as Tencent signs them.
//
// It does not import the module. A test that uses it imports the module itself, so that
// also the packages that the module is made of can use it.
package caddytest

import (
	"fmt"
	"testing"
	"time"
)

// Eventually waits until a condition holds, and ends the test if it does not within
// 30 seconds. The rest of the arguments says what did not happen.
func Eventually(tb testing.TB, holds func() bool, format string, args ...any) {
	tb.Helper()
	Within(tb, 30*time.Second, holds, format, args...)
}

// Within is Eventually with another limit.
func Within(tb testing.TB, limit time.Duration, holds func() bool, format string, args ...any) {
	tb.Helper()
	for deadline := time.Now().Add(limit); !holds(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Fatalf("not within %s: %s", limit, fmt.Sprintf(format, args...))
		}
	}
}
