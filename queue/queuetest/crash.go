package queuetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// The tests of crashes. Where files are copied, the store that has crashed stays open and the test can go
// on with it. Where stores are abandoned it cannot.
var crashTests = []test{
	{name: "after a put", kind: durable, run: func(b *bed) {
		for i := range 5 {
			if !b.copies() {
				b.reopenEmpty(b.limits)
				for j := range i {
					b.put(fmt.Sprint("a", j))
				}
			}
			b.put(fmt.Sprint("a", i))
			c := b.crash()
			for i := range i + 1 {
				c.duplicate(fmt.Sprint("a", i))
				c.deliver(fmt.Sprint("a", i))
			}
			c.nothingDue()
		}
	}},
	{name: "after a put at the same time as another of the same ID", kind: copied, run: func(b *bed) {
		for i := range 10 {
			e := event(fmt.Sprint("a", i), "a")
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() {
					if _, err := b.Put(context.Background(), e); err != nil {
						b.Errorf("put: %v", err)
					}
				})
			}
			// after this put the event must be durable, whether it was new or not
			if _, err := b.Put(context.Background(), e); err != nil {
				b.Errorf("put: %v", err)
			}
			files := b.image()
			wg.Wait()
			c := b.opened(files)
			c.deliver(e.ID)
			c.Close()
			b.deliver(e.ID)
			b.mustHold(0, 0, 0)
		}
	}},
	{name: "abandoned after a put at the same time as another of the same ID", kind: abandoned, run: func(b *bed) {
		for i := range 4 {
			e := event(fmt.Sprint("a", i), "a")
			var wg sync.WaitGroup
			for range 3 {
				wg.Go(func() { b.Put(context.Background(), e) }) // fails if it comes too late
			}
			if _, err := b.Put(context.Background(), e); err != nil {
				b.Errorf("put: %v", err)
			}
			c := b.crash()
			wg.Wait()
			c.duplicate(e.ID)
			c.deliver(e.ID)
			c.mustHold(0, 0, 0)
			b = c
		}
	}},
	{name: "while in flight", kind: durable, run: func(b *bed) {
		b.put("a1", "a2", "b1")
		b.advance(time.Minute)
		b.Retry(b.attempt(b.take("a1")), b.now())
		b.take("b1")
		item := b.take("a1")
		want := *item
		b.attempt(item) // the store does not know of this attempt when it crashes
		c := b.crash()
		c.mustHold(3, 0, 0)
		var items []*queue.Item
		for range 2 {
			item := c.next()
			if items = append(items, item); item.ID == "a1" {
				c.mustEqual(item, &want)
			}
		}
		for _, item := range items {
			c.Delivered(item)
		}
		c.deliver("a2")
		if b.copies() {
			b.nothingDue()
		}
	}},
	{name: "after the next of a key was taken", kind: durable, run: func(b *bed) {
		b.put("a1", "a2", "a3")
		b.deliver("a1")
		b.take("a2")
		c := b.crash()
		c.mustHold(2, 0, 0)
		c.duplicate("a1")
		c.deliver("a2", "a3")
	}},
	{name: "after the next of a key was taken, with one buried", kind: durable, run: func(b *bed) {
		b.put("a1", "a2", "a3")
		b.deliver("a1")
		b.take("a2")
		b.reopen()
		b.bury("a2")
		b.take("a3")
		c := b.crash()
		c.mustHold(1, 0, 1)
		c.duplicate("a2")
		c.mustList("a2")
		c.deliver("a3")
	}},
	{name: "after replay", kind: durable, run: func(b *bed) {
		b.put("a1", "b1", "c1", "a2")
		b.bury("a1", "b1", "c1")
		b.replay("a1")
		c := b.crash()
		c.mustList("b1", "c1")
		c.deliver("a2", "a1")
	}},
	{name: "after replay and drop", kind: durable, run: func(b *bed) {
		b.put("a1", "b1", "c1", "a2")
		b.bury("a1", "b1", "c1")
		b.replay("a1")
		b.drop("b1")
		c := b.crash()
		c.mustList("c1")
		c.put("b1")
	}},
	{name: "twice", kind: durable, run: func(b *bed) {
		b.put("a1", "a2", "a3")
		b.deliver("a1")
		b.take("a2")
		c := b.crash()
		c.deliver("a2")
		c.take("a3")
		c.put("a4")
		d := c.crash()
		for _, id := range []string{"a1", "a2", "a3", "a4"} {
			d.duplicate(id)
		}
		d.deliver("a3", "a4")
		d.nothingDue()
	}},
	{name: "under load", kind: copied, run: func(b *bed) {
		l := newLoad(b)
		l.start(400 * time.Millisecond)
		for range 10 {
			before := l.progress()
			files := l.image()
			after := l.progress()
			c := b.opened(files)
			c.checkRest(before, after)
			c.Close()
		}
		l.wg.Wait()
		b.mustHold(0, 0, 0)
	}},
	{name: "abandoned under load", kind: abandoned, run: func(b *bed) {
		for i := range 3 {
			if i > 0 {
				b.reopenEmpty(b.limits)
			}
			l := newLoad(b)
			l.start(time.Minute)
			time.Sleep(time.Duration(100*(i+1)) * time.Millisecond)
			before := l.progress()
			l.end()
			c := b.crash()
			after := l.progress()
			l.wg.Wait()
			c.checkRest(before, after)
		}
	}},
	{name: "calls of an abandoned store", kind: abandoned, run: func(b *bed) {
		b.put("a1", "b1", "c1", "d1", "e1")
		b.bury("a1")
		var items []*queue.Item
		for _, id := range []string{"b1", "c1", "d1", "e1"} {
			items = append(items, b.take(id))
		}
		c := b.crash()
		// none of these may change anything
		if added, err := b.Put(context.Background(), event("x1", "x")); added || err == nil {
			b.Errorf("put: %v, %v", added, err)
		}
		b.Delivered(items[0])
		b.Retry(items[1], b.now().Add(time.Hour))
		b.Bury(items[2])
		b.Release(items[3])
		if n, err := b.Drop(); n != 0 || err == nil {
			b.Errorf("drop: %v, %v", n, err)
		}
		if has, err := b.Has(context.Background(), "b"); err != nil && !has {
			b.Errorf("has: %v, %v", has, err)
		}
		b.Hasten()
		b.Counts()
		b.Close()
		c.mustHold(4, 0, 1)
		c.mustList("a1")
		for range items {
			c.Delivered(c.next())
		}
		c.mustHold(0, 0, 1)
	}},
}

// copies reports whether a store stays open after a crash, since its files are copied.
func (b *bed) copies() bool { return b.o.Abandon == nil }

// crash opens the queue as a crash at this moment would leave it.
func (b *bed) crash() *bed {
	b.Helper()
	if b.copies() {
		return b.opened(b.image())
	}
	b.o.Abandon(b.Store)
	c := *b
	c.open()
	return &c
}

// checkRest delivers the rest of a load after a crash, which was between two states of its progress.
func (b *bed) checkRest(before, after progress) {
	b.Helper()
	all := b.deliverRest()
	for k := range before {
		put, took, done := before[k].put, before[k].took, after[k].done
		first, last := done+1, done
		if rest := all[int64(k)]; len(rest) > 0 {
			first, last = rest[0], rest[len(rest)-1]
		}
		switch {
		case last < put-1:
			b.Errorf("key %d: the last is %d, but %d were put", k, last, put)
		case first > done+1:
			b.Errorf("key %d: the first is %d, but only %d was delivered", k, first, done)
		case first < took:
			b.Errorf("key %d: the first is %d, but %d was taken before", k, first, took)
		}
		if first > 0 && last >= first {
			id := fmt.Sprint(k, " ", first-1)
			if added, err := b.Put(context.Background(), event(id, fmt.Sprint("k", k))); added || err != nil {
				b.Errorf("put %q again: %v, %v", id, added, err)
			}
		}
	}
}

// deliverRest delivers all events of a load that still wait, and returns their numbers for each key.
// The numbers of a key must have no gap.
func (b *bed) deliverRest() map[int64][]int64 {
	b.Helper()
	all := make(map[int64][]int64)
	for range b.settled().Waiting {
		item := b.next()
		var k, n int64
		fmt.Sscan(item.ID, &k, &n)
		if l := len(all[k]); l > 0 && n != all[k][l-1]+1 {
			b.Errorf("key %d: %d after %d", k, n, all[k][l-1])
		}
		all[k] = append(all[k], n)
		b.Delivered(item)
	}
	b.mustHold(0, 0, 0)
	return all
}
