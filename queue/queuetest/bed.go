package queuetest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

const room = 100_000 // a limit of events that a test does not reach

// bed is what each test gets: a store, its directory and its clock.
type bed struct {
	*testing.T
	queue.Store
	o       Opener
	dir     string
	limits  queue.Limits
	reopens bool
	time    *atomic.Int64 // Unix seconds
}

func newBed(t *testing.T, o Opener, reopens bool) *bed {
	b := &bed{T: t, o: o, dir: t.TempDir(), reopens: reopens, time: new(atomic.Int64)}
	// this is far from the real time, so that a store which uses another clock fails
	b.time.Store(time.Date(2011, 1, 21, 8, 0, 0, 0, time.UTC).Unix())
	b.open()
	return b
}

// open opens the store. At the end of the test the store that is then open is closed.
func (b *bed) open() {
	b.Helper()
	b.Store = b.o.Open(b.T, b.dir, b.limits, b.now)
	b.Cleanup(func() { b.Close() })
}

func (b *bed) now() time.Time          { return time.Unix(b.time.Load(), 0) }
func (b *bed) advance(d time.Duration) { b.time.Add(int64(d / time.Second)) }

// patience is how long to wait for what a store does in the background.
func (b *bed) patience() time.Duration { return 10*time.Second + b.o.Lease }

// reopenEmpty replaces the store by an empty one with these limits.
func (b *bed) reopenEmpty(limits queue.Limits) {
	b.Helper()
	b.Close()
	b.limits, b.dir = limits, b.TempDir()
	b.open()
}

// reopen closes the store and opens it again.
func (b *bed) reopen() {
	b.Helper()
	if err := b.Close(); err != nil {
		b.Fatal("close:", err)
	}
	b.open()
	b.settled()
}

// settled waits until the store knows of all events in the queue, which must be its alone, and returns
// their counts.
func (b *bed) settled() (c queue.Counts) {
	b.Helper()
	b.eventually("counts as the totals", func() bool {
		totals, err := b.Totals(context.Background())
		if err != nil {
			b.Fatal("totals:", err)
		}
		c = b.Counts()
		return c.Waiting == totals.Waiting && c.InFlight == totals.InFlight && c.Dead == totals.Dead && c.Spooled == totals.Spooled
	})
	return c
}

// restart reopens the store if the test is run with a restart.
func (b *bed) restart() {
	b.Helper()
	if b.reopens {
		b.reopen()
	}
}

func event(id, key string) queue.Event {
	return queue.Event{ID: id, Key: key, Payload: []byte("payload of " + id)}
}

// put puts events, one per second. An event such as a1 has the key a.
func (b *bed) put(ids ...string) {
	b.Helper()
	for _, id := range ids {
		b.advance(time.Second)
		added, err := b.Put(context.Background(), event(id, id[:1]))
		for deadline := time.Now().Add(b.patience()); errors.Is(err, queue.ErrUnavailable) && time.Now().Before(deadline); time.Sleep(10 * time.Millisecond) {
			// the place where events are kept is slow, on a busy machine; it may have the event nevertheless
			_, err = b.Put(context.Background(), event(id, id[:1]))
			added = err == nil
		}
		if !added || err != nil {
			b.Fatalf("put %s: %v, %v", id, added, err)
		}
	}
}

// duplicate puts an event again, which must not be added.
func (b *bed) duplicate(id string) {
	b.Helper()
	if added, err := b.Put(context.Background(), event(id, id[:1])); added || err != nil {
		b.Fatalf("put %s again: %v, %v", id, added, err)
	}
}

// next waits for an event and takes it. After each try it waits for a signal of the store.
func (b *bed) next() *queue.Item {
	b.Helper()
	timeout := time.After(b.patience())
	for {
		item, _, err := b.Take(b.now())
		if err != nil {
			b.Fatal("take:", err)
		}
		if item != nil {
			return item
		}
		select {
		case <-b.Wake():
		case <-timeout:
			b.Fatal("nothing to take, and no signal")
		}
	}
}

// take takes events, which must be these in this order, and returns the last one.
func (b *bed) take(ids ...string) (item *queue.Item) {
	b.Helper()
	for _, id := range ids {
		if item = b.next(); item.ID != id {
			b.Fatalf("took %s, want %s", item.ID, id)
		}
	}
	return item
}

// deliver takes and delivers events, one after the other.
func (b *bed) deliver(ids ...string) {
	b.Helper()
	for _, id := range ids {
		b.Delivered(b.take(id))
	}
}

// has reports whether an event with the key waits or is in flight.
func (b *bed) has(key string) bool {
	b.Helper()
	has, err := b.Has(context.Background(), key)
	if err != nil {
		b.Error("has:", err)
	}
	return has
}

// nothingDue checks that no event is due, and returns when the next one will be due.
func (b *bed) nothingDue() time.Time {
	b.Helper()
	item, next, err := b.Take(b.now())
	if item != nil || err != nil {
		b.Fatalf("took %+v, %v, want nothing", item, err)
	}
	return next
}

// attempt records in item that an attempt has failed just now.
func (b *bed) attempt(item *queue.Item) *queue.Item {
	item.Attempts++
	item.Refusals += 2 // nonsense, but a store does not interpret it
	item.Last, item.LastError = b.now(), "status 503"
	if item.First.IsZero() {
		item.First = item.Last
	}
	item.Note(queue.Attempt{At: item.Last, Took: time.Duration(item.Attempts) * 1_234_567, Error: item.LastError, Answer: fmt.Sprint("answer ", item.Attempts)})
	return item
}

// bury takes events and buries them, one after the other.
func (b *bed) bury(ids ...string) {
	b.Helper()
	for _, id := range ids {
		b.Bury(b.attempt(b.take(id)))
		b.eventually("the dead letter", func() bool { return slices.Contains(names(b.letters("", room)), id) })
	}
}

func (b *bed) letters(after string, limit int) []queue.Dead {
	b.Helper()
	list, err := b.Dead(after, limit)
	if err != nil {
		b.Fatal("dead:", err)
	}
	return list
}

func names(list []queue.Dead) (ids []string) {
	for _, d := range list {
		ids = append(ids, d.ID)
	}
	return ids
}

// mustHold waits until the store has these counts, since outcomes are recorded in the background.
func (b *bed) mustHold(waiting, inFlight, dead int) {
	b.Helper()
	b.eventually("counts", func() bool {
		c := b.Counts()
		return c.Waiting == waiting && c.InFlight == inFlight && c.Dead == dead
	})
}

// eventually waits until f returns true, for changes that the store does not signal.
func (b *bed) eventually(what string, f func() bool) {
	b.Helper()
	pause := 100 * time.Microsecond
	for deadline := time.Now().Add(b.patience()); !f(); time.Sleep(pause) {
		if time.Now().After(deadline) {
			b.Fatalf("%s: not as expected in time; the store holds %+v", what, b.Counts())
		}
		pause = min(2*pause, 10*time.Millisecond) // f may ask a server
	}
}

// mustEqual compares everything that a store keeps of an item.
func (b *bed) mustEqual(got, want *queue.Item) {
	b.Helper()
	if got.ID != want.ID || got.Key != want.Key || !bytes.Equal(got.Payload, want.Payload) ||
		!got.Received.Equal(want.Received) || got.Attempts != want.Attempts || got.Refusals != want.Refusals || got.LastError != want.LastError ||
		!got.First.Equal(want.First) || !got.Last.Equal(want.Last) || !slices.EqualFunc(got.History, want.History, sameAttempt) {
		b.Errorf("got  %+v\nwant %+v", got, want)
	}
}

func sameAttempt(a, b queue.Attempt) bool {
	at := a.At.Equal(b.At)
	a.At, b.At = time.Time{}, time.Time{}
	return at && a == b
}
