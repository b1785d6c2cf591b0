package postgres

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/queuetest"
)

// TestSuite runs the tests of the contract against a real server, which acknowledges only what it has
// synced.
func TestSuite(t *testing.T) {
	const lease = 2 * time.Second
	dsn := pgtest.Start(t).DSN("postgres")
	open := func(t *testing.T, dir string, limits queue.Limits, now func() time.Time) queue.Store {
		q := newQueue(t, dsn)
		q.name, q.limits, q.now, q.lease, q.spool = dir, limits, now, lease, ""
		s, err := q.tryOpen()
		if err != nil {
			t.Fatal(err)
		}
		return s
	}
	queuetest.Run(t, queuetest.Opener{
		Open:    open,
		Second:  open,
		Durable: true,
		Abandon: func(s queue.Store) { s.(*Store).abandon() },
		Lease:   lease + 2*time.Second,
	})
}

// abandon stops the store without a word to the server, as if its process had been killed.
func (s *Store) abandon() {
	s.conns.cut()
	s.kill()
	s.Close()
}
