package queuetest

import (
	"time"
)

var endTests = []test{
	{name: "retry", kind: restarts, run: func(b *bed) {
		b.put("a1", "a2")
		put := b.now().Add(-time.Second)
		item := b.attempt(b.take("a1"))
		first, at := b.now(), b.now().Add(time.Minute)
		b.Retry(item, at)
		b.restart()
		b.advance(59 * time.Second)
		b.eventually("next", func() bool { return b.none().Equal(at) })
		b.advance(time.Second)

		item = b.take("a1")
		want := *item
		want.Event, want.Received = event("a1", "a"), put
		want.Attempts, want.Refusals, want.First, want.Last, want.LastError = 1, 2, first, first, "status 503"
		b.same(item, &want)

		b.advance(time.Second)
		item = b.attempt(item)
		item.LastError = "no route to host"
		b.Retry(item, b.now())
		b.restart()
		want.Attempts, want.Refusals, want.Last, want.LastError = 2, 4, b.now(), item.LastError
		item = b.take("a1")
		b.same(item, &want)
		b.Delivered(item)
		b.deliver("a2")
	}},
	{name: "retry in the past", run: func(b *bed) {
		b.put("a1")
		b.Retry(b.take("a1"), b.now().Add(-time.Hour))
		b.deliver("a1")
	}},
	{name: "next is the earliest retry", kind: restarts, run: func(b *bed) {
		b.put("a1", "b1", "c1")
		start := b.now()
		b.Retry(b.take("a1"), start.Add(3*time.Minute))
		b.Retry(b.take("b1"), start.Add(1*time.Minute))
		b.Retry(b.take("c1"), start.Add(2*time.Minute))
		b.restart()
		for _, id := range []string{"b1", "c1", "a1"} {
			at := b.now().Add(time.Minute)
			b.eventually("next", func() bool { return b.none().Equal(at) })
			b.advance(time.Minute)
			b.deliver(id)
		}
		b.holds(0, 0, 0)
		if next := b.none(); !next.IsZero() {
			b.Errorf("an empty store has something at %v", next)
		}
	}},
	{name: "release", kind: restarts, run: func(b *bed) {
		b.put("a1", "a2")
		b.Retry(b.attempt(b.take("a1")), b.now().Add(time.Minute))
		b.advance(time.Minute)
		item := b.take("a1")
		want := *item
		b.Release(item)
		b.restart()
		item = b.take("a1")
		b.same(item, &want)
		b.Delivered(item)
		b.deliver("a2")
	}},
	{name: "in flight when closed", kind: durable, run: func(b *bed) {
		b.put("a1", "a2", "b1")
		b.Retry(b.attempt(b.take("a1")), b.now().Add(time.Minute))
		b.advance(time.Minute)
		b.take("b1")
		want := *b.take("a1")
		b.reopen()
		b.holds(3, 0, 0)
		for range 2 {
			item := b.next()
			if item.ID == "a1" {
				b.same(item, &want)
			}
			b.Delivered(item)
		}
		b.deliver("a2")
	}},
	{name: "hasten", kind: restarts, run: func(b *bed) {
		b.put("a1", "a2", "b1")
		for _, id := range []string{"a1", "b1"} {
			b.Retry(b.attempt(b.take(id)), b.now().Add(time.Hour))
		}
		b.restart()
		b.Hasten()
		took := map[string]bool{}
		for range 2 {
			item := b.next()
			if took[item.ID] = true; item.Attempts != 1 {
				b.Errorf("%s has %d attempts, want 1", item.ID, item.Attempts)
			}
			b.Retry(b.attempt(item), b.now().Add(time.Hour)) // waits again, Hasten is over
		}
		if !took["a1"] || !took["b1"] {
			b.Errorf("took %v", took)
		}
		b.holds(3, 0, 0)
		b.none()
	}},
	{name: "hasten leaves alone what is in flight", run: func(b *bed) {
		b.put("a1")
		item := b.take("a1")
		b.Hasten()
		b.none()
		b.Retry(item, b.now().Add(time.Hour))
		b.holds(1, 0, 0)
		b.none()
	}},
}
