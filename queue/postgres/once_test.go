package postgres

import (
	"fmt"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
)

// TestOnce puts the same events on two nodes at once, while they wait, after they were delivered, and 9 minutes
// later: each is stored once. After 11 minutes they are stored again, once.
func TestOnce(t *testing.T) {
	server := pgtest.Start(t)
	var ahead atomic.Int64 // of the nodes' clock
	q := newQueue(t, server.DSN("postgres"))
	q.spool = ""
	q.now = func() time.Time { return time.Now().Add(time.Duration(ahead.Load())) }
	stores := []*Store{q.open(), q.open()}
	const n = 40
	putAll := func() int {
		var added atomic.Int32
		var wg sync.WaitGroup
		for i := range n {
			for _, s := range stores {
				wg.Go(func() {
					if q.put(s, fmt.Sprint("e", i), fmt.Sprint("k", i)) {
						added.Add(1)
					}
				})
			}
		}
		wg.Wait()
		return int(added.Load())
	}
	want := func(want int, when string) {
		t.Helper()
		if got := putAll(); got != want {
			t.Errorf("%s %d were stored, want %d", when, got, want)
		}
	}
	deliverAll := func() {
		t.Helper()
		left := n
		q.eventually("all are delivered", func() bool {
			for _, s := range stores {
				if item, _, _ := s.Take(q.now()); item != nil {
					s.Delivered(item)
					left--
				}
			}
			return left == 0
		})
		q.eventually("all notes are recorded", func() bool {
			c, err := stores[0].Totals(t.Context())
			return err == nil && c.Waiting+c.InFlight == 0
		})
	}
	want(n, "at first")
	want(0, "while they wait")
	deliverAll()
	want(0, "after they were delivered")
	ahead.Store(int64(9 * time.Minute))
	want(0, "after 9 minutes")
	ahead.Store(int64(11 * time.Minute))
	want(n, "after 11 minutes")
	deliverAll()
	for _, s := range stores {
		if item, _, _ := s.Take(q.now()); item != nil {
			t.Errorf("%s is there another time", item.ID)
		}
	}
}
