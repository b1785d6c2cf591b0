package postgres

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"sync/atomic"
	"testing"
	"time"

	"go.uber.org/zap/zaptest"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// testQueue is a queue of a test, and how to open it.
type testQueue struct {
	testing.TB
	dsn, name string
	spool     string // "" without a spool
	lease     time.Duration
	limits    queue.Limits
	now       func() time.Time
	change    func(*options) // optional
}

var queues atomic.Int32

// newQueue returns a queue that no other test uses, with a short lease and a spool.
func newQueue(t testing.TB, dsn string) *testQueue {
	return &testQueue{TB: t, dsn: dsn, name: fmt.Sprint("q", queues.Add(1)), lease: 2 * time.Second, spool: filepath.Join(t.TempDir(), "spool.db")}
}

func (q *testQueue) tryOpen() (*Store, error) {
	target, err := parseTarget(q.dsn, false)
	if err != nil {
		return nil, err
	}
	o := options{
		Options: queue.Options{Limits: q.limits}, queue: q.name, target: target, schema: DefaultSchema, lease: q.lease, migrations: true,
		spoolPath: q.spool, spoolPlace: q.spool, now: q.now,
	}
	if os.Getenv("VERBOSE") != "" {
		o.Logger = zaptest.NewLogger(q)
	}
	if q.change != nil {
		q.change(&o)
	}
	return open(o)
}

// open opens the queue until the end of the test.
func (q *testQueue) open() *Store {
	q.Helper()
	s, err := q.tryOpen()
	if err != nil {
		q.Fatal(err)
	}
	q.Cleanup(func() { s.Close() })
	return s
}

// put puts an event, within the time that a callback has, and returns whether it was added.
func (q *testQueue) put(s *Store, id, key string) bool {
	q.Helper()
	ctx, cancel := context.WithTimeout(q.Context(), 1800*time.Millisecond)
	defer cancel()
	added, err := s.Put(ctx, queue.Event{ID: id, Key: key, Payload: []byte("payload of " + id)})
	if err != nil {
		q.Fatalf("put %s: %v", id, err)
	}
	return added
}

// take takes the next event.
func (q *testQueue) take(s *Store) (item *queue.Item) {
	q.Helper()
	caddytest.Within(q, 30*time.Second, func() bool {
		item, _, _ = s.Take(time.Now())
		return item != nil
	}, "there is an event to take")
	return item
}

// deliver takes and delivers events of one key, which must be these in this order.
func (q *testQueue) deliver(s *Store, ids ...string) {
	q.Helper()
	for _, id := range ids {
		item := q.take(s)
		if item.ID != id || string(item.Payload) != "payload of "+id {
			q.Fatalf("took %s with %q, want %s", item.ID, item.Payload, id)
		}
		s.Delivered(item)
	}
}

func (q *testQueue) eventually(what string, holds func() bool) {
	q.Helper()
	caddytest.Within(q, 30*time.Second, holds, "%s", what)
}
