package queuetest

import (
	"context"
	"fmt"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

var orderTests = []test{
	{name: "nothing there", run: func(b *bed) {
		if next := b.nothingDue(); !next.IsZero() {
			b.Errorf("an empty store says that an event is due at %v", next)
		}
		b.put("a1", "a2")
		b.take("a1")
		if next := b.nothingDue(); !next.IsZero() {
			b.Errorf("with all events in flight, the store says that one is due at %v", next)
		}
	}},
	{name: "put, take, delivered", kind: restarts, run: func(b *bed) {
		b.put("a1")
		put := b.now()
		b.restart()
		b.advance(time.Minute)
		item := b.take("a1")
		b.mustEqual(item, &queue.Item{Event: event("a1", "a"), Received: put})
		b.nothingDue()
		b.Delivered(item)
		b.mustHold(0, 0, 0)
		b.restart()
		b.nothingDue()
	}},
	{name: "interleaved keys", kind: restarts, run: func(b *bed) {
		b.put("a1", "b1", "a2", "c1", "b2", "a3")
		b.restart()
		a, bb, c := b.take("a1"), b.take("b1"), b.take("c1")
		b.nothingDue() // a2, b2 and a3 come after other events of their keys
		b.Delivered(bb)
		b.deliver("b2")
		b.nothingDue()
		b.Delivered(a)
		b.deliver("a2", "a3")
		b.Delivered(c)
		b.mustHold(0, 0, 0)
	}},
	{name: "a key that waits does not hold up others", kind: restarts, run: func(b *bed) {
		b.put("a1", "a2", "b1", "b2")
		b.Retry(b.attempt(b.take("a1")), b.now().Add(time.Hour))
		b.restart()
		b.deliver("b1", "b2")
		b.put("b3", "a3")
		b.deliver("b3")
		b.nothingDue()
		b.advance(time.Hour)
		b.deliver("a1", "a2", "a3")
	}},
	{name: "the next event of a key comes after one is buried", run: func(b *bed) {
		b.put("a1", "a2")
		b.Bury(b.take("a1"))
		b.deliver("a2")
		b.mustHold(0, 0, 1)
	}},
	{name: "a put does not overtake events of its key", kind: restarts, run: func(b *bed) {
		b.put("a1")
		item := b.take("a1")
		b.put("a2")
		b.nothingDue()
		b.Release(item)
		b.restart()
		b.put("a3")
		b.deliver("a1", "a2", "a3")
	}},
	{name: "longest due first", kind: restarts, run: func(b *bed) {
		b.put("a1", "b1", "c1")
		start := b.now()
		b.Retry(b.attempt(b.take("a1")), start.Add(4*time.Minute))
		b.Retry(b.attempt(b.take("b1")), start.Add(time.Minute))
		b.Retry(b.attempt(b.take("c1")), start.Add(3*time.Minute))
		b.mustHold(3, 0, 0)
		b.advance(2 * time.Minute)
		b.put("d1")
		b.restart()
		b.mustHold(4, 0, 0)
		b.advance(5 * time.Minute)
		b.put("e1")
		b.mustHold(5, 0, 0)
		b.take("b1", "d1", "c1", "a1", "e1")
		b.nothingDue()
	}},
	{name: "no key starves", run: func(b *bed) {
		b.put("a1", "a2", "a3", "b1")
		for i := 4; ; i++ {
			item := b.next()
			b.Delivered(item)
			if item.ID == "b1" {
				return
			}
			if i > 20 {
				b.Fatal("a busy key keeps another from its turn")
			}
			b.put(fmt.Sprint("a", i))
		}
	}},
	{name: "received", run: func(b *bed) {
		b.put("a1")
		first := b.now()
		b.advance(time.Hour)
		b.put("a2")
		second := b.now()
		b.advance(time.Hour)
		item := b.take("a1")
		b.Delivered(item)
		next := b.take("a2")
		if !item.Received.Equal(first) || !next.Received.Equal(second) {
			b.Errorf("received at %v and %v, want %v and %v", item.Received, next.Received, first, second)
		}
		if item.Seq == next.Seq {
			b.Errorf("two events with the number %d", item.Seq)
		}
	}},
	{name: "a clock set back", kind: restarts, run: func(b *bed) {
		b.put("a1")
		b.advance(-24 * time.Hour)
		b.put("a2", "b1")
		b.restart()
		for want := map[string]string{"a": "a1", "b": "b1"}; len(want) > 0; {
			item := b.next()
			if item.ID != want[item.Key] {
				b.Fatalf("took %s, want one of %v", item.ID, want)
			}
			b.Delivered(item)
			if delete(want, item.Key); item.ID == "a1" {
				want["a"] = "a2"
			}
		}
	}},
	{name: "keys that begin alike", kind: restarts, run: func(b *bed) {
		keys := []string{"a", "a\x00", "a\x00b", "ab", "a\xff", "a\n", "A", "á"}
		for _, id := range []string{"1", "2"} {
			for _, key := range keys {
				b.advance(time.Second)
				if _, err := b.Put(context.Background(), event(key+id, key)); err != nil {
					b.Fatalf("put under %q: %v", key, err)
				}
			}
		}
		b.restart()
		for _, id := range []string{"1", "2"} {
			var items []*queue.Item
			for range keys {
				items = append(items, b.next())
			}
			b.nothingDue()
			for i, item := range items {
				if id == "1" && item.ID != keys[i]+id || item.ID != item.Key+id {
					b.Errorf("took %q of %q", item.ID, item.Key)
				}
				b.Delivered(item)
			}
		}
		b.mustHold(0, 0, 0)
	}},
}
