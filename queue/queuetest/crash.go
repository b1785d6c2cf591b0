package queuetest

import (
	"context"
	"fmt"
	"sync"
	"time"
)

var crashTests = []test{
	{name: "after a put", kind: durable, run: func(b *bed) {
		for i := range 5 {
			b.put(fmt.Sprint("a", i))
			c := b.crash()
			for i := range i + 1 {
				c.duplicate(fmt.Sprint("a", i))
				c.deliver(fmt.Sprint("a", i))
			}
			c.none()
		}
	}},
	{name: "after a put at the same time as another of the same ID", kind: durable, run: func(b *bed) {
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
			// new or not, from now on it is safe
			if _, err := b.Put(context.Background(), e); err != nil {
				b.Errorf("put: %v", err)
			}
			files := b.image()
			wg.Wait()
			c := b.opened(files)
			c.deliver(e.ID)
			c.Close()
			b.deliver(e.ID)
			b.holds(0, 0, 0)
		}
	}},
	{name: "while in flight", kind: durable, run: func(b *bed) {
		b.put("a1", "a2", "b1")
		b.advance(time.Minute)
		b.Retry(b.attempt(b.take("a1")), b.now())
		b.take("b1")
		item := b.take("a1")
		want := *item
		b.attempt(item) // known to nobody else when it crashes
		c := b.crash()
		c.holds(3, 0, 0)
		for range 2 {
			if item = c.next(); item.ID == "a1" {
				c.same(item, &want)
			}
			c.Delivered(item)
		}
		c.deliver("a2")
		b.none()
	}},
	{name: "after the next of a key was taken", kind: durable, run: func(b *bed) {
		b.put("a1", "a2", "a3")
		b.deliver("a1")
		b.take("a2")
		c := b.crash()
		c.holds(2, 0, 0)
		c.duplicate("a1")
		c.deliver("a2", "a3")

		b.reopen()
		b.bury("a2")
		b.take("a3")
		c = b.crash()
		c.holds(1, 0, 1)
		c.duplicate("a2")
		c.listed("a2")
		c.deliver("a3")
	}},
	{name: "after replay and drop", kind: durable, run: func(b *bed) {
		b.put("a1", "b1", "c1", "a2")
		b.bury("a1", "b1", "c1")
		b.replay("a1")
		c := b.crash()
		c.listed("b1", "c1")
		c.deliver("a2", "a1")
		b.drop("b1")
		c = b.crash()
		c.listed("c1")
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
		d.none()
	}},
	{name: "under load", kind: durable, run: func(b *bed) {
		l := newLoad(b)
		l.start(400 * time.Millisecond)
		for range 10 {
			var put, took, done [len(l.put)]int64
			for k := range l.put {
				put[k], took[k] = l.put[k].Load(), l.took[k].Load()
			}
			files := l.image()
			for k := range l.done {
				done[k] = l.done[k].Load()
			}
			c := b.opened(files)
			all := c.rest()
			for k := range put {
				first, last := done[k]+1, done[k]
				if rest := all[int64(k)]; len(rest) > 0 {
					first, last = rest[0], rest[len(rest)-1]
				}
				switch {
				case last < put[k]-1:
					b.Errorf("key %d: the last is %d, but %d were put", k, last, put[k])
				case first > done[k]+1:
					b.Errorf("key %d: the first is %d, but only %d was delivered", k, first, done[k])
				case first < took[k]:
					b.Errorf("key %d: the first is %d, but %d was taken before", k, first, took[k])
				}
				if first > 0 && last >= first {
					id := fmt.Sprint(k, " ", first-1)
					if added, err := c.Put(context.Background(), event(id, fmt.Sprint("k", k))); added || err != nil {
						b.Errorf("put %q again: %v, %v", id, added, err)
					}
				}
			}
			c.Close()
		}
		l.wg.Wait()
		b.holds(0, 0, 0)
	}},
}

// rest delivers all that waits, and returns the numbers of a load's events by
// key. They must come without a gap.
func (b *bed) rest() map[int64][]int64 {
	b.Helper()
	all := make(map[int64][]int64)
	for range b.Counts().Waiting {
		item := b.next()
		var k, n int64
		fmt.Sscan(item.ID, &k, &n)
		if l := len(all[k]); l > 0 && n != all[k][l-1]+1 {
			b.Errorf("key %d: %d after %d", k, n, all[k][l-1])
		}
		all[k] = append(all[k], n)
		b.Delivered(item)
	}
	b.holds(0, 0, 0)
	return all
}
