package queuetest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

var retainTests = []test{
	{name: "not by default", kind: restarts, run: func(b *bed) {
		b.put("a1")
		b.deliver("a1")
		b.mustHold(0, 0, 0)
		b.restart()
		b.mustShow(queue.Query{})
	}},
	{name: "retained", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Retain: time.Hour})
		b.put("a1", "a2", "b1")
		put := b.now()
		b.Retry(b.attempt(b.take("a1")), b.now().Add(2*time.Second))
		b.advance(time.Second)
		b.deliver("b1")
		b.mustHold(2, 0, 0)
		b.advance(time.Second)
		item := b.attempt(b.take("a1"))
		b.Delivered(item)
		b.mustHold(1, 0, 0)
		at := b.now()
		b.restart()
		b.advance(time.Minute)
		b.mustShow(queue.Query{}, "a2 waiting", "b1 delivered", "a1 delivered")
		b.mustShow(queue.Query{State: queue.Delivered, Limit: 1}, "b1 delivered", "a1 delivered")
		b.mustShow(queue.Query{State: queue.Delivered, Look: 1}, "b1 delivered", "a1 delivered")
		b.mustShow(queue.Query{IDs: []string{"a1", "a2"}}, "a2 waiting", "a1 delivered")
		b.mustShow(queue.Query{State: queue.Delivered, Since: put}, "b1 delivered")
		for _, e := range b.list(queue.Query{IDs: []string{"a1"}}) {
			want := *item
			want.Event = event("a1", "a")
			if b.mustEqual(&e.Item, &want); !e.Ended.Equal(at) || !e.Due.IsZero() {
				b.Errorf("delivered at %v, due at %v, want %v", e.Ended, e.Due, at)
			}
		}
		b.deliver("a2") // it has not waited for those that are retained
	}},
	{name: "until its time is over", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Retain: time.Hour})
		b.put("a1")
		b.deliver("a1")
		b.mustHold(0, 0, 0)
		b.advance(30 * time.Minute)
		b.put("a2")
		b.deliver("a2")
		b.mustHold(0, 0, 0)
		b.restart()
		b.mustShow(queue.Query{}, "a1 delivered", "a2 delivered")
		b.advance(30*time.Minute + time.Second)
		b.put("z1")
		b.showsSoon(queue.Query{}, "z1 waiting", "a2 delivered")
		b.advance(30 * time.Minute)
		b.put("z2")
		b.showsSoon(queue.Query{}, "z1 waiting", "z2 waiting")
	}},
	{name: "for less time than IDs are remembered", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Retain: time.Minute})
		b.put("a1")
		b.deliver("a1")
		b.mustHold(0, 0, 0)
		b.advance(time.Minute + time.Second)
		b.put("z1")
		b.showsSoon(queue.Query{}, "z1 waiting")
		b.restart()
		b.advance(queue.Remember - 2*time.Minute)
		b.duplicate("a1")
		b.advance(2 * time.Minute)
		b.put("a1")
	}},
	{name: "so many bytes", kind: restarts, run: func(b *bed) {
		const size = 100_000
		b.reopenEmpty(queue.Limits{Retain: time.Hour, RetainBytes: 3*size + size/2})
		for n := range 6 {
			b.advance(time.Second)
			id := fmt.Sprint("a", n)
			b.store(queue.Event{ID: id, Key: "a", Payload: make([]byte, size)})
			b.deliver(id)
			b.mustHold(0, 0, 0)
		}
		b.restart()
		b.showsSoon(queue.Query{}, "a3 delivered", "a4 delivered", "a5 delivered")
		for n := range 6 {
			b.duplicate(fmt.Sprint("a", n))
		}
		b.put("z1")
		b.eventually("retained events do not count as bytes", func() bool { return b.Counts().Bytes <= size/2 })
	}},
	{name: "not as events of the queue", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Events: 2, Retain: time.Hour})
		for n := range 5 {
			id := fmt.Sprint("a", n)
			b.put(id)
			b.deliver(id)
			b.mustHold(0, 0, 0)
		}
		b.restart()
		if b.has("a") {
			b.Error("the store says that it has an event of the key")
		}
		b.put("a5", "a6")
		if _, err := b.Put(context.Background(), event("a7", "a")); !errors.Is(err, queue.ErrFull) {
			b.Errorf("put: %v", err)
		}
		if list := b.list(queue.Query{State: queue.Delivered}); len(list) != 5 {
			b.Errorf("retained: %v", shown(list))
		}
	}},
	{name: "until an event with the same ID is put", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Retain: 24 * time.Hour})
		b.put("a1", "a2")
		b.deliver("a1", "a2")
		b.mustHold(0, 0, 0)
		b.advance(queue.Remember / 2)
		b.duplicate("a1")
		b.advance(queue.Remember)
		b.restart()
		b.put("a1")
		b.mustShow(queue.Query{}, "a1 waiting", "a2 delivered")
		b.mustShow(queue.Query{IDs: []string{"a1"}}, "a1 waiting")
		b.deliver("a1")
		b.mustHold(0, 0, 0)
		b.restart()
		b.mustShow(queue.Query{}, "a2 delivered", "a1 delivered")
	}},
	{name: "until it is switched off", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Retain: time.Hour})
		b.put("a1")
		b.deliver("a1")
		b.mustHold(0, 0, 0)
		b.limits = queue.Limits{}
		b.SetLimits(b.limits)
		b.restart()
		b.put("a2")
		b.deliver("a2")
		b.mustHold(0, 0, 0)
		b.showsSoon(queue.Query{})
		b.duplicate("a1")
		b.duplicate("a2")
	}},
	{name: "after a crash", kind: durable, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Retain: time.Hour})
		b.put("a1", "a2", "a3")
		b.deliver("a1")
		b.take("a2") // so a1 is recorded
		c := b.crash()
		c.mustHold(2, 0, 0)
		c.mustShow(queue.Query{}, "a2 waiting", "a3 waiting", "a1 delivered")
		c.deliver("a2", "a3")
		c.mustHold(0, 0, 0)
		c.mustShow(queue.Query{}, "a1 delivered", "a2 delivered", "a3 delivered")
	}},
}

// showsSoon waits until a query lists these events, since stores remove what is over in the background.
func (b *bed) showsSoon(q queue.Query, want ...string) {
	b.Helper()
	b.eventually(fmt.Sprint("lists ", want), func() bool { return fmt.Sprint(shown(b.list(q))) == fmt.Sprint(want) })
}
