package queuetest

import (
	"bytes"
	"context"
	"slices"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

const (
	patience = 10 * time.Second // for what a store does in its own time
	room     = 100_000          // events, where the bound does not matter
)

// bed is where a test lies: a store, its directory and its clock.
type bed struct {
	*testing.T
	queue.Store
	o       Opener
	dir     string
	max     int
	reopens bool
	time    *atomic.Int64 // Unix seconds
}

func newBed(t *testing.T, o Opener, reopens bool) *bed {
	b := &bed{T: t, o: o, dir: t.TempDir(), max: room, reopens: reopens, time: new(atomic.Int64)}
	// far from the true time, so that a store which asks another clock is found out
	b.time.Store(time.Date(2011, 1, 21, 8, 0, 0, 0, time.UTC).Unix())
	b.open()
	return b
}

// open opens the store and closes it, or its successor, at the end of the test.
func (b *bed) open() {
	b.Helper()
	b.Store = b.o.Open(b.T, b.dir, b.max, b.now)
	b.Cleanup(func() { b.Close() })
}

func (b *bed) now() time.Time          { return time.Unix(b.time.Load(), 0) }
func (b *bed) advance(d time.Duration) { b.time.Add(int64(d / time.Second)) }

// bound goes on with an empty store for max events.
func (b *bed) bound(max int) {
	b.Helper()
	b.Close()
	b.max, b.dir = max, b.TempDir()
	b.open()
}

// reopen closes the store and opens it again.
func (b *bed) reopen() {
	b.Helper()
	if err := b.Close(); err != nil {
		b.Fatal("close:", err)
	}
	b.open()
}

// restart reopens the store where that is what the test is run for.
func (b *bed) restart() {
	b.Helper()
	if b.reopens {
		b.reopen()
	}
}

func event(id, key string) queue.Event {
	return queue.Event{ID: id, Key: key, Payload: []byte("payload of " + id)}
}

// put puts events named like a1 under the key a, a second apart.
func (b *bed) put(ids ...string) {
	b.Helper()
	for _, id := range ids {
		b.advance(time.Second)
		if added, err := b.Put(context.Background(), event(id, id[:1])); !added || err != nil {
			b.Fatalf("put %s: %v, %v", id, added, err)
		}
	}
}

// duplicate puts an event that must be known already.
func (b *bed) duplicate(id string) {
	b.Helper()
	if added, err := b.Put(context.Background(), event(id, id[:1])); added || err != nil {
		b.Fatalf("put %s again: %v, %v", id, added, err)
	}
}

// next waits for an event, asking only after a signal.
func (b *bed) next() *queue.Item {
	b.Helper()
	timeout := time.After(patience)
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

// take takes the events that must come next, and returns the last of them.
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

// none takes nothing, and returns when there will be something.
func (b *bed) none() time.Time {
	b.Helper()
	item, next, err := b.Take(b.now())
	if item != nil || err != nil {
		b.Fatalf("took %+v, %v, want nothing", item, err)
	}
	return next
}

// attempt notes a failed attempt, now.
func (b *bed) attempt(item *queue.Item) *queue.Item {
	item.Attempts++
	item.Refusals += 2 // as little as the store knows
	item.Last, item.LastError = b.now(), "status 503"
	if item.First.IsZero() {
		item.First = item.Last
	}
	return item
}

// bury takes events and gives them up, one after the other.
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

// holds waits until the store holds so much: ends take effect in their own time.
func (b *bed) holds(waiting, inFlight, dead int) {
	b.Helper()
	b.eventually("counts", func() bool {
		c := b.Counts()
		return c.Waiting == waiting && c.InFlight == inFlight && c.Dead == dead
	})
}

// eventually waits for what no signal announces.
func (b *bed) eventually(what string, f func() bool) {
	b.Helper()
	for deadline := time.Now().Add(patience); !f(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(deadline) {
			b.Fatalf("%s: never as wanted; the store holds %+v", what, b.Counts())
		}
	}
}

// same compares all that a store keeps of an item.
func (b *bed) same(got, want *queue.Item) {
	b.Helper()
	if got.ID != want.ID || got.Key != want.Key || !bytes.Equal(got.Payload, want.Payload) ||
		!got.Received.Equal(want.Received) || got.Attempts != want.Attempts || got.Refusals != want.Refusals || got.LastError != want.LastError ||
		!got.First.Equal(want.First) || !got.Last.Equal(want.Last) {
		b.Errorf("got  %+v\nwant %+v", got, want)
	}
}
