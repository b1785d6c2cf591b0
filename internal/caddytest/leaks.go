package caddytest

import (
	"bytes"
	"runtime"
	"testing"
	"time"
)

// NoGoroutineLeft fails if a goroutine of the module is still there, once all is
// stopped.
func NoGoroutineLeft(tb testing.TB) {
	tb.Helper()
	var stacks []byte
	left := func() bool {
		stacks = make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
			if ofModule(stack) && !bytes.Contains(stack, []byte("testing.tRunner")) {
				return true
			}
		}
		return false
	}
	for deadline := time.Now().Add(10 * time.Second); left(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			tb.Errorf("a goroutine is left:\n%s", stacks)
			return
		}
	}
}

// ofModule reports whether a goroutine runs a method of the handler or of the packages
// behind it.
func ofModule(stack []byte) bool {
	for _, name := range []string{"", "/internal/queues", "/internal/admin", "/internal/recent", "/internal/delivery", "/internal/backend", "/queue/file", "/queue/postgres"} {
		if bytes.Contains(stack, []byte("caddy-tim-callback"+name+".(*")) {
			return true
		}
	}
	return false
}
