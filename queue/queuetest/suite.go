// Package queuetest has a suite of tests that checks that a store keeps the contract of
// [queue.Store]. It also has a store in memory, for tests of code that uses a store.
package queuetest

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Opener opens the stores that the suite tests.
type Opener struct {
	// Open opens the store in the directory dir, which is empty at first, with these
	// limits. The store must use now, and no other clock, for the time when an event is
	// put or delivered. Several stores are open at the same time.
	Open func(t *testing.T, dir string, limits queue.Limits, now func() time.Time) queue.Store

	// Durable says that events in dir survive when the store is closed. The suite then
	// also closes stores and opens them again. To test crashes, it copies dir while the
	// store is in use, and opens the copy, unless there is Abandon.
	Durable bool

	// Abandon makes a store stop at once, without Close, as if its process had been
	// killed. From then on its calls fail soon or do nothing, Close included. It is for
	// stores whose events are not in dir, which only names them. To test crashes, the
	// suite then abandons stores and opens dir again.
	Abandon func(queue.Store)

	// Second is like Open, but opens another store on the queue in dir while one or more
	// are open. Nil means that a queue cannot be shared.
	Second func(t *testing.T, dir string, limits queue.Limits, now func() time.Time) queue.Store

	// Lease is how long it may take at most until the events of a store that was
	// abandoned are handed out by another one. It is a real time, and not one of now.
	Lease time.Duration
}

// test checks one rule of the contract.
type test struct {
	name string
	run  func(*bed)
	kind kind
}

type kind int

const (
	plain     kind = iota
	restarts       // calls bed.restart; it is run once with and once without a restart
	durable        // is run only for durable stores
	copied         // is run only for durable stores whose files are copied to test crashes
	abandoned      // is run only for durable stores that are abandoned to test crashes
	shared         // is run only for stores of which several can share a queue
)

// Run checks that the stores that o opens keep the contract. It reports what is wrong as
// failures of subtests of t.
func Run(t *testing.T, o Opener) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Order", orderTests},
		{"Outcomes", outcomeTests},
		{"Dead", deadTests},
		{"Events", eventTests},
		{"Retain", retainTests},
		{"Replay", replayTests},
		{"Duplicates", duplicateTests},
		{"Bounds", boundTests},
		{"Wake", wakeTests},
		{"Data", dataTests},
		{"Concurrent", concurrentTests},
		{"Close", closeTests},
		{"Crash", crashTests},
		{"Shared", sharedTests},
	} {
		t.Run(group.name, func(t *testing.T) {
			for _, test := range group.tests {
				run(t, test.name, o, test, false)
				if test.kind == restarts && o.Durable {
					run(t, test.name+", reopened", o, test, true)
				}
			}
		})
	}
}

func run(t *testing.T, name string, o Opener, test test, reopens bool) {
	t.Run(name, func(t *testing.T) {
		if why := test.kind.unfit(o); why != "" {
			t.Skip(why)
		}
		t.Parallel() // others can run while one waits for the disk
		test.run(newBed(t, o, reopens))
	})
}

// unfit tells why a test is not for the stores that o opens, or returns "".
func (k kind) unfit(o Opener) string {
	switch {
	case k >= durable && k <= abandoned && !o.Durable:
		return "needs a store that outlives its process"
	case k == copied && o.Abandon != nil:
		return "needs a store whose files can be copied"
	case k == abandoned && o.Abandon == nil:
		return "needs a store that can be abandoned"
	case k == shared && o.Second == nil:
		return "needs a store that others can share"
	}
	return ""
}
