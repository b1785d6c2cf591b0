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
		b.bound(4)
		b.put("a1", "b1", "c1", "d1")
		b.bury("a1")
		b.Retry(b.take("b1"), b.now().Add(time.Hour))
		b.take("c1")
		b.restart()
		b.full("x1")
		for _, id := range []string{"a1", "b1", "c1", "d1"} {
			b.duplicate(id) // is stored, so need not be again
		}
		if b.Has("x") {
			b.Error("what did not fit was stored")
		}
	}},
	{name: "room after delivered", kind: restarts, run: func(b *bed) {
		b.bound(2)
		b.put("a1", "a2")
		b.restart()
		b.full("x1")
		b.deliver("a1")
		b.holds(1, 0, 0)
		b.restart()
		b.put("x1")
		b.full("y1")
		b.duplicate("a1")
	}},
	{name: "room after drop", kind: restarts, run: func(b *bed) {
		b.bound(2)
		b.put("a1", "b1")
		b.bury("a1", "b1")
		b.restart()
		b.full("x1")
		b.replay("a1")
		b.full("x1")
		b.drop("b1")
		b.restart()
		b.put("x1")
		b.full("y1")
	}},
	{name: "what is remembered takes no room", kind: restarts, run: func(b *bed) {
		b.bound(2)
		for i := range 5 {
			id := fmt.Sprint("a", i)
			b.put(id)
			b.deliver(id)
			b.holds(0, 0, 0)
		}
		b.restart()
		b.put("b1", "b2")
		b.full("x1")
	}},
	{name: "counts", run: func(b *bed) {
		want := func(what string, waiting, inFlight, dead int, oldest time.Time) {
			b.Helper()
			b.holds(waiting, inFlight, dead)
			if got := b.Counts().Oldest; !got.Equal(oldest) {
				b.Errorf("%s: the oldest is of %v, want %v", what, got, oldest)
			}
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
		for _, step := range []struct {
			id     string
			oldest time.Time
		}{{"a2", old}, {"a1", replayed}, {"a3", last}, {"", time.Time{}}} {
			b.restart()
			if got := b.Counts().Oldest; !got.Equal(step.oldest) {
				b.Errorf("before %q: the oldest is of %v, want %v", step.id, got, step.oldest)
			}
			if step.id != "" {
				left := b.Counts().Waiting - 1
				b.deliver(step.id)
				b.holds(left, 0, 0)
			}
		}
	}},
	{name: "has", kind: restarts, run: func(b *bed) {
		has := func(what string, want bool) {
			b.Helper()
			b.eventually(what, func() bool { return b.Has("a") == want })
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

// full finds no room for an event.
func (b *bed) full(id string) {
	b.Helper()
	if added, err := b.Put(context.Background(), event(id, id[:1])); added || !errors.Is(err, queue.ErrFull) {
		b.Errorf("put %s: %v, %v, want %v", id, added, err, queue.ErrFull)
	}
}
