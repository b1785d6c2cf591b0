package queuetest

import (
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

var outcomeTests = []test{
	{name: "retry", kind: restarts, run: func(b *bed) {
		b.put("a1", "a2")
		put := b.now().Add(-time.Second)
		item := b.attempt(b.take("a1"))
		first, at := b.now(), b.now().Add(time.Minute)
		b.Retry(item, at)
		b.restart()
		b.advance(59 * time.Second)
		b.eventually("next", func() bool { return b.nothingDue().Equal(at) })
		b.advance(time.Second)

		item = b.take("a1")
		want := *item
		want.Event, want.Received = event("a1", "a"), put
		want.Attempts, want.Refusals, want.First, want.Last, want.LastError = 1, 2, first, first, "status 503"
		want.History = []queue.Attempt{{At: first, Took: 1_234_567, Error: "status 503", Answer: "answer 1"}}
		b.mustEqual(item, &want)

		b.advance(time.Second)
		item = b.attempt(item)
		item.LastError = "no route to host"
		b.Retry(item, b.now())
		b.restart()
		want.Attempts, want.Refusals, want.Last, want.LastError, want.History = 2, 4, b.now(), item.LastError, item.History
		item = b.take("a1")
		b.mustEqual(item, &want)
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
			b.eventually("next", func() bool { return b.nothingDue().Equal(at) })
			b.advance(time.Minute)
			b.deliver(id)
		}
		b.mustHold(0, 0, 0)
		if next := b.nothingDue(); !next.IsZero() {
			b.Errorf("an empty store says that an event is due at %v", next)
		}
	}},
	{name: "clock set back", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Wait: time.Hour})
		b.put("a1", "b1", "c1")
		b.Retry(b.take("a1"), b.now().Add(time.Minute))
		b.Retry(b.take("b1"), b.now().Add(time.Hour))
		b.mustHold(3, 0, 0)
		b.advance(-24 * time.Hour)
		b.restart()
		b.deliver("c1")
		if next := b.nothingDue(); next.After(b.now().Add(time.Hour)) {
			b.Errorf("the next one is due at %v, it is %v", next, b.now())
		}
		b.advance(time.Hour)
		b.deliver("a1", "b1")
	}},
	{name: "except keys", kind: restarts, run: func(b *bed) {
		b.put("a1", "b1", "c1", "d1", "a2")
		b.Retry(b.take("a1"), b.now().Add(time.Minute))
		b.mustHold(5, 0, 0)
		b.restart()
		took := func(want string, except ...string) (item *queue.Item) {
			b.Helper()
			item, next, err := b.Take(b.now(), except...)
			if err != nil || want == "" && item != nil || want != "" && (item == nil || item.ID != want) {
				b.Fatalf("took %+v, %v, %v, want %q", item, next, err, want)
			}
			return item
		}
		took("", "b", "c", "d")
		c1 := took("c1", "b", "d", "x")
		b.Release(took("d1", "b"))
		b.advance(time.Minute)
		took("", "a", "b", "d")
		b1 := took("b1", "d", "a")
		b.Delivered(took("a1", "b", "d"))
		b.mustHold(2, 2, 0)
		b.Delivered(took("d1", "a"))
		b.Delivered(b1)
		b.Delivered(c1)
		b.deliver("a2")
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
		b.mustEqual(item, &want)
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
		b.mustHold(3, 0, 0)
		var items []*queue.Item
		for range 2 {
			item := b.next()
			if items = append(items, item); item.ID == "a1" {
				b.mustEqual(item, &want)
			}
		}
		for _, item := range items {
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
			b.Retry(b.attempt(item), b.now().Add(time.Hour)) // it waits again, since Hasten only changes what waited when it was called
		}
		if !took["a1"] || !took["b1"] {
			b.Errorf("took %v", took)
		}
		b.mustHold(3, 0, 0)
		b.nothingDue()
	}},
	{name: "hasten does not change events in flight", run: func(b *bed) {
		b.put("a1")
		item := b.take("a1")
		b.Hasten()
		b.nothingDue()
		b.Retry(item, b.now().Add(time.Hour))
		b.mustHold(1, 0, 0)
		b.nothingDue()
	}},
}
