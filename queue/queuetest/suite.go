// Package queuetest holds every store of package queue to the same contract,
// and has a store in memory for the tests of what uses one.
package queuetest

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Opener is how the suite gets at stores of a kind.
type Opener struct {
	// Open opens the store in dir, which is empty at first, with room for max
	// events. The store must ask now, and no other clock, for when an event was
	// put and how long ago it was delivered. Several are open at a time.
	Open func(t *testing.T, dir string, max int, now func() time.Time) queue.Store

	// Durable: what is in dir outlives the store. The suite then also closes
	// stores and opens them again, and opens copies of dir taken while the store
	// goes on, as a crash would leave it.
	Durable bool
}

// test is a rule of the contract.
type test struct {
	name string
	run  func(*bed)
	kind kind
}

type kind int

const (
	plain    kind = iota
	restarts      // calls bed.restart: run once with and once without
	durable       // only for what is durable
)

// Run holds the stores that o opens to the contract.
func Run(t *testing.T, o Opener) {
	for _, group := range []struct {
		name  string
		tests []test
	}{
		{"Order", orderTests},
		{"Ends", endTests},
		{"Dead", deadTests},
		{"Duplicates", duplicateTests},
		{"Bounds", boundTests},
		{"Wake", wakeTests},
		{"Data", dataTests},
		{"Concurrent", concurrentTests},
		{"Close", closeTests},
		{"Crash", crashTests},
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
		if test.kind == durable && !o.Durable {
			t.Skip("needs a store that outlives its process")
		}
		t.Parallel() // while one waits for the disk
		test.run(newBed(t, o, reopens))
	})
}
