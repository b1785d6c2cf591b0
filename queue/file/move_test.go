package file

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// mover is a store with a clock, from which a test moves events.
type mover struct {
	*testing.T
	*Store
	path string
	time atomic.Int64 // Unix seconds
}

func newMover(t *testing.T) *mover {
	m := &mover{T: t, path: filepath.Join(t.TempDir(), "queue.db")}
	m.time.Store(1_300_000_000)
	m.open()
	return m
}

func (m *mover) open() {
	m.Helper()
	s, err := Open(Options{Path: m.path, now: m.now})
	if err != nil {
		m.Fatal(err)
	}
	m.Store = s
	m.Cleanup(func() { s.Close() })
}

func (m *mover) now() time.Time          { return time.Unix(m.time.Load(), 0) }
func (m *mover) advance(d time.Duration) { m.time.Add(int64(d / time.Second)) }

// put puts events, one per second. An event such as a1 has the key a.
func (m *mover) put(ids ...string) {
	m.Helper()
	for _, id := range ids {
		m.advance(time.Second)
		e := queue.Event{ID: id, Key: id[:1], Payload: []byte("payload of " + id)}
		if added, err := m.Put(m.Context(), e); !added || err != nil {
			m.Fatalf("put %s: %v, %v", id, added, err)
		}
	}
}

// take takes an event, which must be this one.
func (m *mover) take(id string) *queue.Item {
	m.Helper()
	item, _, err := m.Take(m.now())
	if item == nil || err != nil || item.ID != id {
		m.Fatalf("took %+v, %v, want %s", item, err, id)
	}
	return item
}

func (m *mover) mustHold(waiting, inFlight int) {
	m.Helper()
	eventually(m.T, fmt.Sprint(waiting, " waiting, ", inFlight, " in flight"), func() bool {
		c := m.Counts()
		return c.Waiting == waiting && c.InFlight == inFlight
	})
}

// move moves events, which must be these, in this order.
func (m *mover) move(most int, want ...string) (items []queue.Item, due []time.Time) {
	m.Helper()
	n, err := m.Move(most, func(i []queue.Item, d []time.Time) error {
		items, due = i, d
		return nil
	})
	if got := ids(items); n != len(want) || err != nil || !slices.Equal(got, want) || len(due) != len(items) {
		m.Fatalf("moved %d, %v: %v due %v, want %v", n, err, got, due, want)
	}
	return items, due
}

func ids(items []queue.Item) (ids []string) {
	for _, item := range items {
		ids = append(ids, item.ID)
	}
	return ids
}

func TestMove(t *testing.T) {
	m := newMover(t)
	m.move(10)
	m.put("a1", "b1", "a2", "c1")
	put := m.now()
	m.advance(time.Minute)
	items, due := m.move(3, "a1", "b1", "a2") // of the lane that has waited longest, all that fit
	for i, item := range items {
		if !due[i].IsZero() || string(item.Payload) != "payload of "+item.ID || item.Key != item.ID[:1] || item.Attempts != 0 || item.Received.After(put) {
			t.Errorf("got %+v, due %v", item, due[i])
		}
	}
	m.mustHold(1, 0)
	m.move(10, "c1")
	m.move(10)
	m.mustHold(0, 0)
	if c := m.Counts(); c.Bytes != 0 {
		t.Errorf("it holds %+v", c)
	}
	for _, after := range []time.Duration{0, queue.Remember - time.Second, 2 * time.Second} {
		m.advance(after)
		known := after != 2*time.Second
		if added, err := m.Put(t.Context(), queue.Event{ID: "a2", Key: "a"}); added == known || err != nil {
			t.Errorf("put again later: %v, %v", added, err)
		}
	}
	m.Close()
	m.open()
	m.take("a2")
}

// TestMovePassesOverKeysInFlight: neither an event in flight nor those behind it are moved.
func TestMovePassesOverKeysInFlight(t *testing.T) {
	m := newMover(t)
	m.put("a1", "b1", "a2", "b2")
	a1 := m.take("a1")
	m.move(10, "b1", "b2")
	m.mustHold(1, 1)
	m.Delivered(a1)
	m.mustHold(1, 0)
	m.move(10, "a2")
	m.mustHold(0, 0)
}

// TestMoveWithAttempts: the record of attempts is moved too, and so is the time of the next attempt.
func TestMoveWithAttempts(t *testing.T) {
	m := newMover(t)
	m.put("a1", "a2", "b1", "c1")
	for _, id := range []string{"a1", "b1"} {
		item := m.take(id)
		item.Attempts, item.Refusals, item.First, item.Last, item.LastError = 3, 1, m.now(), m.now(), "503"
		m.Retry(item, m.now().Add(time.Hour+time.Duration(len(id)+int(id[0]))*time.Second))
		m.mustHold(4, 0)
	}
	at := m.now()
	m.move(1, "c1") // this is the only one that is due
	m.advance(time.Minute)
	if next := func() time.Time { _, next, _ := m.Take(m.now()); return next }(); next.Sub(at).Truncate(time.Hour) != time.Hour {
		t.Errorf("the next attempt is due at %v", next)
	}
	items, due := m.move(10, "a1", "a2", "b1")
	for i, item := range items {
		wait := time.Hour + time.Duration(2+int(item.ID[0]))*time.Second
		switch item.ID {
		case "a2":
			if item.Attempts != 0 || !due[i].IsZero() {
				t.Errorf("got %+v due %v", item, due[i])
			}
		default:
			if item.Attempts != 3 || item.Refusals != 1 || !item.First.Equal(at) || !item.Last.Equal(at) || item.LastError != "503" || !due[i].Equal(at.Add(wait)) {
				t.Errorf("got %+v due %v", item, due[i])
			}
		}
	}
	m.mustHold(0, 0)
}

// TestMoveThatFails: nothing has changed after take has failed.
func TestMoveThatFails(t *testing.T) {
	m := newMover(t)
	m.put("a1", "b1", "c1", "a2")
	m.Retry(m.take("a1"), m.now().Add(time.Hour))
	m.mustHold(4, 0)
	before := m.Counts()
	for range 3 {
		failure := errors.New("no connection")
		n, err := m.Move(10, func(items []queue.Item, _ []time.Time) error {
			if item, next, err := m.Take(m.now()); item != nil || !next.IsZero() || err != nil {
				t.Errorf("took %+v, %v, %v meanwhile", item, next, err)
			}
			return failure
		})
		if n != 0 || !errors.Is(err, failure) {
			t.Errorf("got %d, %v", n, err)
		}
		if c := m.Counts(); c != before {
			t.Errorf("it holds %+v, before %+v", c, before)
		}
	}
	m.Delivered(m.take("b1"))
	m.Delivered(m.take("c1"))
	if item, next, err := m.Take(m.now()); item != nil || !next.Equal(m.now().Add(time.Hour)) || err != nil {
		t.Errorf("took %+v, %v, %v", item, next, err)
	}
	if _, err := m.Move(10, func([]queue.Item, []time.Time) error { m.Hasten(); return io.EOF }); !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
	m.Delivered(m.take("a1")) // Hasten was called meanwhile
	m.mustHold(1, 0)
	m.Delivered(m.take("a2"))
	m.mustHold(0, 0)
}

// TestMoveThenCrash opens a copy of the file that is made between take and the removal, and one that
// is made after it.
func TestMoveThenCrash(t *testing.T) {
	m := newMover(t)
	m.put("a1", "a2", "b1")
	crashed := func() *mover {
		data, err := os.ReadFile(m.path)
		if err != nil {
			t.Fatal(err)
		}
		c := &mover{T: t, path: filepath.Join(t.TempDir(), "queue.db")}
		c.time.Store(m.time.Load())
		if err := os.WriteFile(c.path, data, 0o600); err != nil {
			t.Fatal(err)
		}
		c.open()
		return c
	}
	if n, err := m.Move(2, func([]queue.Item, []time.Time) error {
		c := crashed()
		c.mustHold(3, 0)
		c.move(10, "a1", "a2", "b1")
		return nil
	}); n != 2 || err != nil {
		t.Fatalf("moved %d, %v", n, err)
	}
	c := crashed()
	c.mustHold(1, 0)
	if added, err := c.Put(t.Context(), queue.Event{ID: "a2", Key: "a"}); added || err != nil {
		t.Errorf("put again: %v, %v", added, err)
	}
	c.take("b1")
}

func TestMoveALongLane(t *testing.T) {
	const events, most = 3000, 1024
	m := newMover(t)
	var wg sync.WaitGroup
	for i := range events {
		wg.Go(func() {
			if _, err := m.Put(t.Context(), queue.Event{ID: fmt.Sprint(i), Key: "k"}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	last := uint64(0)
	for _, want := range []int{most, most, events - 2*most, 0} {
		n, err := m.Move(most, func(items []queue.Item, _ []time.Time) error {
			for _, item := range items {
				if item.Seq != last+1 {
					return fmt.Errorf("%d comes after %d", item.Seq, last)
				}
				last++
			}
			return nil
		})
		if n != want || err != nil {
			t.Fatalf("moved %d, %v, want %d", n, err, want)
		}
		m.mustHold(events-int(last), 0)
	}
}

// TestMoveNotTooMuch: a move ends at a size, and what it has not moved is in its place.
func TestMoveNotTooMuch(t *testing.T) {
	m := newMover(t)
	for i := range 12 {
		e := queue.Event{ID: fmt.Sprint(i), Key: fmt.Sprint(i % 4), Payload: make([]byte, maxMoved/5+1)}
		if _, err := m.Put(t.Context(), e); err != nil {
			t.Fatal(err)
		}
	}
	m.move(100, "0", "1", "4", "5", "8") // these are of two lanes
	m.move(100, "2", "3", "6", "7", "10")
	m.move(100, "9", "11")
}

// TestMoveUnreadable: what is readable is moved, and then Move tells about the rest.
func TestMoveUnreadable(t *testing.T) {
	m := newMover(t)
	m.put("a1", "b1", "b2", "c1", "c2", "b3")
	if err := m.db.Update(func(tx *bolt.Tx) error {
		return errors.Join(tx.Bucket(bucketEvents).Put(encodeNumber(1), []byte("damaged")), tx.Bucket(bucketEvents).Put(encodeNumber(3), nil))
	}); err != nil {
		t.Fatal(err)
	}
	m.move(100, "b1", "c1", "c2")
	m.mustHold(3, 0)
	for _, id := range []string{"d1", "e1"} {
		n, err := m.Move(100, func([]queue.Item, []time.Time) error { t.Error("something was moved"); return nil })
		if n != 0 || err == nil || !strings.Contains(err.Error(), "damaged") || !strings.Contains(err.Error(), "reading event") {
			t.Errorf("moved %d, %v", n, err)
		}
		m.put(id)
		m.advance(time.Minute)
		m.move(100, id)
	}
}
