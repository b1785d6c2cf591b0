package postgres

import (
	"fmt"
	"testing"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// TestFlights lets no more events be taken than a crash may repeat: those whose outcome is not recorded yet
// count, too.
func TestFlights(t *testing.T) {
	server := pgtest.Start(t)
	q := newQueue(t, server.DSN("postgres"))
	q.lease, q.limits = time.Minute, queue.Limits{Flights: 2}
	s := q.open()
	for n := range 4 {
		q.put(s, fmt.Sprint("id", n), fmt.Sprint("key", n))
	}
	first, second := q.take(s), q.take(s)
	none := func(when string) {
		t.Helper()
		if item, _, err := s.Take(time.Now()); item != nil || err != nil {
			t.Errorf("%s: took %v, %v", when, item, err)
		}
	}
	none("two are in flight")

	conn, err := pgx.Connect(t.Context(), server.DSN("postgres"))
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close(t.Context())
	tx, err := conn.Begin(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := tx.Exec(t.Context(), `LOCK TABLE "tim_callback"."event" IN ACCESS EXCLUSIVE MODE`); err != nil {
		t.Fatal(err)
	}
	s.Delivered(first)
	s.Delivered(second)
	none("no outcome can be recorded")
	for len(s.wake) > 0 {
		<-s.wake
	}
	if err := tx.Rollback(t.Context()); err != nil {
		t.Fatal(err)
	}
	select {
	case <-s.Wake():
	case <-time.After(30 * time.Second):
		t.Fatal("nobody is told that the outcomes are recorded")
	}
	third := q.take(s)

	s.SetLimits(queue.Limits{Flights: 1})
	none("the limit is one now")
	s.Release(third)
	q.take(s)
	none("it was taken")
}
