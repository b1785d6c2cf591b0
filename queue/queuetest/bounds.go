package queuetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

var boundTests = []test{
	{name: "full", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Events: 4})
		b.put("a1", "b1", "c1", "d1")
		b.bury("a1")
		b.Retry(b.take("b1"), b.now().Add(time.Hour))
		b.take("c1")
		b.restart()
		b.mustBeFull("x1")
		for _, id := range []string{"a1", "b1", "c1", "d1"} {
			b.duplicate(id) // it is already stored, so it needs no room
		}
		if b.has("x") {
			b.Error("an event was stored for which there was no room")
		}
	}},
	{name: "room after delivered", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Events: 2})
		b.put("a1", "a2")
		b.restart()
		b.mustBeFull("x1")
		b.deliver("a1")
		b.mustHold(1, 0, 0)
		b.restart()
		b.put("x1")
		b.mustBeFull("y1")
		b.duplicate("a1")
	}},
	{name: "room after drop", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Events: 2})
		b.put("a1", "b1")
		b.bury("a1", "b1")
		b.restart()
		b.mustBeFull("x1")
		b.replay("a1")
		b.mustBeFull("x1")
		b.drop("b1")
		b.restart()
		b.put("x1")
		b.mustBeFull("y1")
	}},
	{name: "bytes", kind: restarts, run: func(b *bed) {
		const size = 100_000 // so large that what a store needs for its own use does not matter
		b.reopenEmpty(queue.Limits{Bytes: 3*size + size/2})
		large := func(id string) queue.Event { return queue.Event{ID: id, Key: id[:1], Payload: make([]byte, size)} }
		put := func(id string, want error) {
			b.Helper()
			if _, err := b.Put(context.Background(), large(id)); !errors.Is(err, want) {
				b.Errorf("put %s: %v, want %v", id, err, want)
			}
		}
		takes := func(what string, n int) {
			b.Helper()
			b.eventually(what, func() bool {
				bytes := b.Counts().Bytes
				return bytes >= int64(n*size) && bytes < int64(n*size+size/2)
			})
		}
		put("a1", nil)
		put("b1", nil)
		put("c1", nil)
		takes("three", 3)
		put("x1", queue.ErrFull)
		b.restart()
		takes("three", 3)
		put("x1", queue.ErrFull)
		b.duplicate("a1")
		b.bury("a1") // a dead letter still needs its room
		takes("one of them dead", 3)
		put("x1", queue.ErrFull)
		b.deliver("b1")
		takes("one delivered", 2)
		put("d1", nil)
		b.restart()
		put("x1", queue.ErrFull)
		b.replay("a1")
		takes("one replayed", 3)
		put("x1", queue.ErrFull)
		b.deliver("c1")
		b.bury("d1")
		b.drop("d1")
		takes("one dropped", 1)
		b.SetLimits(queue.Limits{Bytes: size})
		put("x1", queue.ErrFull)
		b.SetLimits(queue.Limits{})
		put("x1", nil)
		b.restart()
		b.deliver("a1", "x1")
		takes("none", 0)
	}},
	{name: "a remembered ID needs no room", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Events: 2})
		for i := range 5 {
			id := fmt.Sprint("a", i)
			b.put(id)
			b.deliver(id)
			b.mustHold(0, 0, 0)
		}
		b.restart()
		b.put("b1", "b2")
		b.mustBeFull("x1")
	}},
	{name: "counts", run: func(b *bed) {
		want := func(what string, waiting, inFlight, dead int, oldest time.Time) {
			b.Helper()
			b.mustHold(waiting, inFlight, dead)
			b.eventually(what, func() bool { return b.Counts().Oldest.Equal(oldest) })
			b.eventually("totals, "+what, func() bool {
				totals, err := b.Totals(context.Background())
				if err != nil {
					b.Fatal("totals:", err)
				}
				own := b.Counts()
				same := totals.Oldest.Equal(own.Oldest)
				totals.Oldest = own.Oldest
				return same && totals == own
			})
		}
		want("empty", 0, 0, 0, time.Time{})
		b.put("a1")
		a1 := b.now()
		want("put", 1, 0, 0, a1)
		b.Release(b.take("a1"))
		want("released", 1, 0, 0, a1)
		b.put("b1")
		item := b.take("a1")
		want("taken", 1, 1, 0, a1)
		b.Retry(item, b.now().Add(time.Minute))
		want("given back", 2, 0, 0, a1)
		b.deliver("b1")
		want("a younger one delivered", 1, 0, 0, a1)
		b.put("b2")
		b2 := b.now()
		b.mustHold(2, 0, 0)
		b.advance(time.Minute)
		b.take("b2")
		b.bury("a1")
		want("the oldest buried", 0, 1, 1, b2)
		b.replay()
		want("replayed", 1, 1, 0, b2)
		b.bury("a1")
		b.drop()
		want("dropped", 0, 1, 0, b2)
	}},
	{name: "oldest", kind: restarts, run: func(b *bed) {
		b.put("a1")
		b.bury("a1")
		b.put("a2")
		old := b.now()
		b.advance(time.Hour)
		b.replay()
		replayed := b.now()
		b.put("a3")
		last := b.now()
		for i, step := range []struct {
			id     string
			oldest time.Time
		}{{"a2", old}, {"a1", replayed}, {"a3", last}, {"", time.Time{}}} {
			b.restart()
			b.mustHold(3-i, 0, 0)
			b.eventually("the oldest before "+step.id, func() bool { return b.Counts().Oldest.Equal(step.oldest) })
			if step.id != "" {
				b.deliver(step.id)
			}
		}
	}},
	{name: "has without time", run: func(b *bed) {
		b.put("a1")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		for _, key := range []string{"a", "b"} {
			if has, err := b.Has(ctx, key); has != (key == "a") && (!has || err == nil) {
				b.Errorf("has %s: %v, %v", key, has, err)
			}
		}
	}},
	{name: "has", kind: restarts, run: func(b *bed) {
		has := func(what string, want bool) {
			b.Helper()
			b.eventually(what, func() bool { return b.has("a") == want })
		}
		has("nothing", false)
		b.put("b1")
		has("of another key", false)
		b.put("a1", "a2")
		b.restart()
		has("waiting", true)
		b.deliver("b1")
		b.Retry(b.take("a1"), b.now().Add(time.Minute))
		b.restart()
		has("waiting for a retry", true)
		b.advance(time.Minute)
		b.deliver("a1")
		has("one delivered, one waiting", true)
		item := b.take("a2")
		has("in flight", true)
		b.Bury(item)
		has("dead", false)
		b.restart()
		has("dead", false)
		b.replay("a2")
		has("replayed", true)
		b.restart()
		has("replayed", true)
		b.deliver("a2")
		has("delivered", false)
	}},
}

// mustBeFull checks that there is no room for an event.
func (b *bed) mustBeFull(id string) {
	b.Helper()
	if added, err := b.Put(context.Background(), event(id, id[:1])); added || !errors.Is(err, queue.ErrFull) {
		b.Errorf("put %s: %v, %v, want %v", id, added, err, queue.ErrFull)
	}
}
