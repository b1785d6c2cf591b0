package postgres

import (
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
)

// TestQueryModes uses the protocols that poolers need.
func TestQueryModes(t *testing.T) {
	server := pgtest.Start(t)
	for _, mode := range []string{"cache_statement", "cache_describe", "describe_exec", "exec", "simple_protocol"} {
		t.Run(mode, func(t *testing.T) {
			q := newQueue(t, server.DSN("postgres")+"&default_query_exec_mode="+mode)
			s := q.open()
			for _, id := range []string{"a1", "a2", "a3"} {
				if !q.put(s, id, "a") || q.put(s, id, "a") {
					t.Errorf("%s is not added once", id)
				}
			}
			q.deliver(s, "a1")
			item := q.take(s)
			item.Attempts, item.LastError = 1, "no"
			s.Retry(item, time.Now())
			item = q.take(s)
			if item.ID != "a2" || item.Attempts != 1 || item.LastError != "no" {
				t.Errorf("took %+v", item)
			}
			s.Bury(item)
			q.eventually("a dead letter", func() bool { list, err := s.Dead("", 10); return err == nil && len(list) == 1 })
			if n, err := s.Replay("a2"); n != 1 || err != nil {
				t.Errorf("replayed %d, %v", n, err)
			}
			if has, err := s.Has(t.Context(), "a"); !has || err != nil {
				t.Errorf("has: %v, %v", has, err)
			}
			q.deliver(s, "a3", "a2")
			q.eventually("nothing left", func() bool { c, err := s.Totals(t.Context()); return err == nil && c.Waiting+c.InFlight+c.Dead == 0 })
			if c := s.Counts(); c.Spooled != 0 {
				t.Errorf("%+v", c)
			}
		})
	}
	caddytest.NoGoroutineLeft(t)
}

// TestRestartedServer restarts the server while events are put and delivered, with a spool and without.
func TestRestartedServer(t *testing.T) {
	server := pgtest.Start(t)
	for _, spool := range []bool{true, false} {
		q := newQueue(t, server.DSN("postgres"))
		if !spool {
			q.spool = ""
		}
		s := q.open()
		q.put(s, "a0", "a")
		server.Kill()
		server.Restart()
		q.eventually("it stores again", func() bool { return s.health.isUp() || spool })
		ids := []string{"a0"}
		for i := range 5 {
			ids = append(ids, fmt.Sprint("a", i+1))
			if spool {
				q.put(s, ids[i+1], "a")
				continue
			}
			q.eventually("an event is stored", func() bool {
				_, err := s.Put(t.Context(), eventOf(ids[i+1], "a"))
				return err == nil
			})
		}
		q.deliver(s, ids...)
	}
}

// TestIdleConnection loses the connection while nothing is sent, which no caller must notice.
func TestIdleConnection(t *testing.T) {
	server := pgtest.Start(t)
	proxy := pgtest.NewProxy(t, server.Address())
	q := newQueue(t, proxy.DSN("postgres"))
	q.spool = ""
	s := q.open()
	for i := range 5 {
		q.put(s, fmt.Sprint("a", i), "a")
		proxy.Reset()
		q.eventually("the keeper is back", s.health.isUp)
	}
	q.deliver(s, "a0", "a1", "a2", "a3", "a4")
}

// TestPasswordIsChanged reloads with another password.
func TestPasswordIsChanged(t *testing.T) {
	server := pgtest.Start(t, pgtest.PasswordAuth())
	server.Exec("CREATE ROLE tim LOGIN PASSWORD 'before'", "GRANT CREATE ON DATABASE postgres TO tim")
	q := newQueue(t, server.DSNOf("tim", "before", "postgres"))
	s := q.open()
	q.put(s, "a0", "a")
	server.Exec("ALTER ROLE tim PASSWORD 'after'")
	m := &Module{DSN: server.DSNOf("tim", "after", "postgres")}
	if err := m.Provision(caddyContext); err != nil {
		t.Fatal(err)
	}
	m.Update(s)
	server.Exec("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'tim'")
	q.put(s, "a1", "a")
	q.deliver(s, "a0", "a1")
	q.eventually("nothing in the spool", func() bool { return s.Counts().Spooled == 0 })
}

// TestManyNodesMakeTheTables opens a queue on several nodes at once, in a database without tables.
func TestManyNodesMakeTheTables(t *testing.T) {
	server := pgtest.Start(t)
	var wg sync.WaitGroup
	for range 6 {
		q := newQueue(t, server.DSN("postgres"))
		q.name = "same"
		wg.Go(func() {
			if s, err := q.tryOpen(); err != nil {
				t.Error(err)
			} else if err := s.Close(); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	if got := server.Query("SELECT count(*) FROM tim_callback.queue"); strings.TrimSpace(got) != "1" {
		t.Errorf("%s queues", got)
	}
}
