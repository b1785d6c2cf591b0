package file

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"sync"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// breakFile makes the next write fail, after which the store opens the file again. Nothing else may use
// the store meanwhile.
func (m *mover) breakFile() {
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.db != nil {
		m.db.Close()
	}
}

// TestMoveWhileTheFileFails: what was taken is removed as soon as the file can be written, and is
// handed out to nobody until then.
func TestMoveWhileTheFileFails(t *testing.T) {
	m := newMover(t)
	m.put("a1", "a2", "b1", "a3")
	n, err := m.Move(3, func(items []queue.Item, _ []time.Time) error {
		if got := ids(items); !slices.Equal(got, []string{"a1", "a2", "a3"}) {
			t.Errorf("took %v", got)
		}
		m.breakFile()
		return nil
	})
	if n != 0 || !errors.Is(err, queue.ErrUnavailable) {
		t.Fatalf("moved %d, %v", n, err)
	}
	var taken []string
	eventually(t, "the rest is handed out", func() bool {
		if item, _, err := m.Take(m.now()); err == nil && item != nil {
			taken = append(taken, item.ID)
		}
		return len(taken) > 0
	})
	if !slices.Equal(taken, []string{"b1"}) {
		t.Errorf("took %v", taken)
	}
	m.mustHold(0, 1)
	eventually(t, "it can be written", func() bool {
		_, err := m.Put(t.Context(), queue.Event{ID: "a4", Key: "a"})
		return err == nil
	})
	if added, err := m.Put(t.Context(), queue.Event{ID: "a3", Key: "a"}); added || err != nil {
		t.Errorf("put again: %v, %v", added, err)
	}
	m.take("a4")
}

// TestMoveThatFailsWhileTheFileFails gives back what was taken while the file is opened again.
func TestMoveThatFailsWhileTheFileFails(t *testing.T) {
	m := newMover(t)
	m.put("b1", "a1", "a2")
	m.Retry(m.take("b1"), m.now().Add(time.Hour))
	m.mustHold(3, 0)
	_, err := m.Move(10, func(items []queue.Item, _ []time.Time) error {
		m.breakFile()
		if _, err := m.Put(t.Context(), queue.Event{ID: "c1", Key: "c"}); !errors.Is(err, queue.ErrUnavailable) {
			t.Errorf("put: %v", err)
		}
		return io.EOF
	})
	if !errors.Is(err, io.EOF) {
		t.Errorf("got %v", err)
	}
	m.mustHold(3, 0)
	var item *queue.Item
	for _, id := range []string{"a1", "a2"} {
		eventually(t, id+" is handed out", func() bool { item, _, _ = m.Take(m.now()); return item != nil })
		if item.ID != id {
			t.Errorf("took %s, want %s", item.ID, id)
		}
		m.Delivered(item)
	}
	m.mustHold(1, 0)
	m.advance(time.Hour)
	m.take("b1")
}

// TestMoveAndClose closes the store between take and the removal.
func TestMoveAndClose(t *testing.T) {
	for _, failure := range []error{nil, io.EOF} {
		m := newMover(t)
		m.put("a1", "a2")
		n, err := m.Move(10, func([]queue.Item, []time.Time) error {
			if err := m.Close(); err != nil {
				t.Error(err)
			}
			return failure
		})
		if n != 0 || failure == nil && !errors.Is(err, queue.ErrClosed) || failure != nil && !errors.Is(err, failure) {
			t.Errorf("moved %d, %v", n, err)
		}
		if n, err := m.Move(10, nil); n != 0 || !errors.Is(err, queue.ErrClosed) {
			t.Errorf("after Close moved %d, %v", n, err)
		}
		m.open()
		m.move(10, "a1", "a2")
	}
}

// TestMoveBeforeClose: the removal of many events is written although the store is closed then.
func TestMoveBeforeClose(t *testing.T) {
	m := newMover(t)
	var wg sync.WaitGroup
	for i := range 2*maxBatch + 10 {
		wg.Go(func() {
			if _, err := m.Put(t.Context(), queue.Event{ID: fmt.Sprint(i), Key: fmt.Sprint(i % 7)}); err != nil {
				t.Error(err)
			}
		})
	}
	wg.Wait()
	moved, err := m.beginMove(3 * maxBatch)
	if err != nil || len(moved.events) != 2*maxBatch+10 {
		t.Fatal(len(moved.events), err)
	}
	m.mu.Lock()
	m.outcomes = moved.outcomes(outcomeDelivered, func(movedEvent) time.Time { return m.now() })
	m.mu.Unlock()
	if err := m.Close(); err != nil {
		t.Error(err)
	}
	m.open()
	m.mustHold(0, 0)
}

// TestMoveConcurrently puts, delivers and moves at the same time, while now and then take fails or the
// file has to be opened again. Of each key, every event must be delivered or moved once, in order.
func TestMoveConcurrently(t *testing.T) {
	const keys, perKey = 6, 150
	m := newMover(t)
	var mu sync.Mutex
	var done [keys]int
	ended := func(items ...queue.Item) {
		mu.Lock()
		defer mu.Unlock()
		for _, item := range items {
			var key, n int
			fmt.Sscan(item.ID, &key, &n)
			if n != done[key] {
				t.Errorf("%d of key %d comes after %d", n, key, done[key]-1)
			}
			done[key] = n + 1
		}
	}
	left := func() (n int) {
		mu.Lock()
		defer mu.Unlock()
		for _, d := range done {
			n += perKey - d
		}
		return n
	}
	var wg sync.WaitGroup
	for key := range keys {
		wg.Go(func() {
			for n := 0; n < perKey; {
				switch _, err := m.Put(t.Context(), queue.Event{ID: fmt.Sprint(key, " ", n), Key: fmt.Sprint(key)}); {
				case err == nil:
					n++
				case errors.Is(err, queue.ErrUnavailable):
					time.Sleep(time.Millisecond)
				default:
					t.Errorf("put: %v", err)
					return
				}
			}
		})
	}
	deadline := time.Now().Add(30 * time.Second)
	waits := func() bool { return left() > 0 && time.Now().Before(deadline) && !t.Failed() }
	wg.Go(func() {
		for i := 0; waits(); i++ {
			item, _, err := m.Take(m.now())
			if err != nil || item == nil {
				time.Sleep(100 * time.Microsecond)
				continue
			}
			if i%3 == 0 {
				m.Retry(item, m.now())
				continue
			}
			ended(*item)
			m.Delivered(item)
		}
	})
	for range 2 {
		wg.Go(func() {
			for i := 0; waits(); i++ {
				_, err := m.Move(1+i%40, func(items []queue.Item, _ []time.Time) error {
					if i%4 == 0 {
						return io.EOF
					}
					ended(items...)
					return nil
				})
				if err != nil && !errors.Is(err, io.EOF) && !errors.Is(err, queue.ErrUnavailable) {
					t.Errorf("move: %v", err)
				}
				time.Sleep(100 * time.Microsecond)
			}
		})
	}
	wg.Go(func() {
		for range 3 {
			time.Sleep(30 * time.Millisecond)
			if _, err := m.do(false, func(*batch) (int, error) { return 0, io.ErrUnexpectedEOF }); !errors.Is(err, queue.ErrUnavailable) {
				t.Errorf("a transaction that fails: %v", err)
			}
		}
	})
	wg.Wait()
	m.mustHold(0, 0)
	if n := left(); n != 0 {
		t.Errorf("%d are left", n)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if len(m.inFlight) != 0 {
		t.Errorf("%d are in flight", len(m.inFlight))
	}
}
