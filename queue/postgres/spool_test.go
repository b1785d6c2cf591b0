package postgres

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/d13c7061/caddy-tim-callback/internal/pgtest"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

var caddyContext caddy.Context

func eventOf(id, key string) queue.Event {
	return queue.Event{ID: id, Key: key, Payload: []byte("payload of " + id)}
}

// TestSpool pauses the server: events go into the spool in time, and move to the database in their order
// when it goes on.
func TestSpool(t *testing.T) {
	server := pgtest.Start(t)
	q := newQueue(t, server.DSN("postgres"))
	s := q.open()
	q.put(s, "a0", "a")
	server.Pause()
	ids := []string{"a0"}
	for i := range 40 {
		id := fmt.Sprint("a", i+1)
		ids = append(ids, id)
		began := time.Now()
		if !q.put(s, id, "a") {
			t.Errorf("%s was not added", id)
		}
		if took := time.Since(began); took > 1500*time.Millisecond {
			t.Errorf("put took %s", took)
		}
	}
	if q.put(s, "a7", "a") {
		t.Error("a7 was added twice")
	}
	if c := s.Counts(); c.Spooled < 40 {
		t.Errorf("the store holds %+v", c)
	}
	if has, err := s.Has(t.Context(), "a"); !has || err != nil {
		t.Errorf("has: %v, %v", has, err)
	}
	server.Resume()
	q.eventually("the spool is empty", func() bool { return s.Counts().Spooled == 0 })
	ids = append(ids, "last")
	q.put(s, "last", "a")
	q.deliver(s, ids...)
	if q.put(s, "a3", "a") {
		t.Error("a3 was added after its delivery")
	}
}

// TestSpoolOutlivesTheProcess ends a process, without a word to anybody, while the spool holds events.
func TestSpoolOutlivesTheProcess(t *testing.T) {
	server := pgtest.Start(t)
	q := newQueue(t, server.DSN("postgres"))
	s := q.open()
	q.put(s, "a0", "a")
	server.Pause()
	q.put(s, "a1", "a")
	q.put(s, "a2", "a")
	s.abandon()
	s = q.open() // although the server does not answer
	q.put(s, "a3", "a")
	server.Resume()
	q.deliver(s, "a0", "a1", "a2", "a3")
}

// TestSpoolOfAmbiguousEvents lets the server store events whose confirmation does not arrive.
func TestSpoolOfAmbiguousEvents(t *testing.T) {
	server := pgtest.Start(t)
	proxy := pgtest.NewProxy(t, server.Address())
	q := newQueue(t, proxy.DSN("postgres"))
	s := q.open()
	var ids []string
	for i := range 10 {
		id := fmt.Sprint("the event ", i)
		ids = append(ids, id)
		swallowed := proxy.SwallowReplyOf(id)
		q.put(s, id, "a")
		q.eventually("a reply is swallowed", func() bool {
			select {
			case <-swallowed:
				return true
			default:
				return false
			}
		})
		q.eventually("the server is back", s.health.isUp)
	}
	q.eventually("the spool is empty", func() bool { return s.Counts().Spooled == 0 })
	q.deliver(s, ids...)
	q.eventually("nothing is left", func() bool {
		c, err := s.Totals(t.Context())
		return err == nil && c.Waiting+c.InFlight == 0
	})
}

// TestFileMovesOver opens a queue whose spool is the file of a queue with waiting, retried and dead events.
func TestFileMovesOver(t *testing.T) {
	server := pgtest.Start(t)
	q := newQueue(t, server.DSN("postgres"))
	opened, err := openFile(q.spool, queue.Limits{})
	if err != nil {
		t.Fatal(err)
	}
	f := opened.Store
	for _, id := range []string{"a1", "a2", "b1", "c1", "c2"} {
		if _, err := f.Put(t.Context(), eventOf(id, id[:1])); err != nil {
			t.Fatal(err)
		}
	}
	take := func(id string) *queue.Item {
		item, _, err := f.Take(time.Now())
		if err != nil || item == nil || item.ID != id {
			t.Fatalf("took %v, %v, want %s", item, err, id)
		}
		item.Attempts, item.First, item.Last, item.LastError = 3, time.Now(), time.Now(), "status 503"
		return item
	}
	f.Retry(take("a1"), time.Now().Add(time.Hour))
	f.Bury(take("b1"))
	q.eventually("outcomes are written", func() bool { c := f.Counts(); return c.Waiting == 4 && c.Dead == 1 })
	if err := opened.Release(); err != nil {
		t.Fatal(err)
	}

	s := q.open()
	q.eventually("the file is empty", func() bool { return s.Counts().Spooled == 0 })
	q.eventually("all are there", func() bool { c := s.Counts(); return c.Waiting == 4 && c.Dead == 1 })
	q.deliver(s, "c1", "c2")
	if item, next, err := s.Take(time.Now()); item != nil || err != nil || time.Until(next) < 30*time.Minute {
		t.Errorf("took %v, next %s, %v", item, next, err)
	}
	s.Hasten()
	item := q.take(s)
	if item.ID != "a1" || item.Attempts != 3 || item.LastError != "status 503" || item.First.IsZero() {
		t.Errorf("took %+v", item)
	}
	s.Delivered(item)
	q.deliver(s, "a2")
	list, err := s.Dead("", 10)
	if err != nil || len(list) != 1 || list[0].ID != "b1" || list[0].Attempts != 3 {
		t.Errorf("dead letters %+v, %v", list, err)
	}
	if q.put(s, "b1", "b") || q.put(s, "c1", "c") {
		t.Error("duplicates were added")
	}
}

// TestSpoolUnderLoad pauses the server again and again while many put.
func TestSpoolUnderLoad(t *testing.T) {
	server := pgtest.Start(t)
	q := newQueue(t, server.DSN("postgres"))
	s := q.open()
	const users, each = 8, 60
	var wg sync.WaitGroup
	for u := range users {
		wg.Go(func() {
			for n := range each {
				if !q.put(s, fmt.Sprintf("%d-%02d", u, n), fmt.Sprint("k", u)) {
					t.Errorf("%d-%02d was not added", u, n)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() { wg.Wait(); close(done) }()
	for range 3 {
		time.Sleep(50 * time.Millisecond)
		server.Pause()
		time.Sleep(1200 * time.Millisecond)
		server.Resume()
	}
	<-done
	next := make(map[string]int)
	for range users * each {
		item := q.take(s)
		var u, n int
		fmt.Sscanf(item.ID, "%d-%d", &u, &n)
		if n != next[item.Key] {
			t.Errorf("took %s of %s, want %d", item.ID, item.Key, next[item.Key])
		}
		next[item.Key] = n + 1
		s.Delivered(item)
	}
	q.eventually("nothing is left", func() bool { c, err := s.Totals(t.Context()); return err == nil && c.Waiting+c.InFlight+c.Spooled == 0 })
}
