package queuetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

var sharedTests = []test{
	{name: "load", kind: shared, run: func(b *bed) {
		p := b.pair()
		l := newLoad(p.a, p.b)
		l.start(400 * time.Millisecond)
		l.wg.Wait()
		p.mustHold(0, 0, 0)
	}},
	{name: "join and leave under load", kind: shared, run: func(b *bed) {
		l := newLoad(b)
		l.start(600 * time.Millisecond)
		for range 3 {
			c := b.second()
			leave := l.join(c.Store)
			time.Sleep(150 * time.Millisecond)
			leave()
			if err := c.Close(); err != nil {
				b.Error("close:", err)
			}
		}
		l.wg.Wait()
		b.settled()
		b.mustHold(0, 0, 0)
	}},
	{name: "order of a key", kind: shared, run: func(b *bed) {
		p := b.pair()
		p.a.put("a1")
		p.b.put("a2")
		p.a.put("a3")
		p.b.put("a4")
		for i, id := range []string{"a1", "a2", "a3", "a4"} {
			on, item := p.take(id)
			p.nothingDue()
			switch i {
			case 0:
				on.Delivered(item)
			case 1:
				on.Bury(item)
			case 2:
				on.Retry(item, b.now().Add(time.Minute))
				p.mustHold(2, 0, 1)
				p.nothingDue()
				b.advance(time.Minute)
				on, item = p.take("a3")
				p.nothingDue()
				on.Release(item)
				on, item = p.take("a3")
				on.Delivered(item)
			default:
				on.Delivered(item)
			}
		}
		p.mustHold(0, 0, 1)
	}},
	{name: "duplicates", kind: shared, run: func(b *bed) {
		p := b.pair()
		p.a.put("a1")
		p.b.duplicate("a1")
		on, item := p.take("a1")
		p.a.duplicate("a1")
		p.b.duplicate("a1")
		on.Delivered(item)
		p.a.duplicate("a1")
		p.b.duplicate("a1")
		p.mustHold(0, 0, 0)
		b.advance(queue.Remember - time.Second)
		p.a.duplicate("a1")
		p.b.duplicate("a1")
		b.advance(2 * time.Second)
		p.b.put("a1")
		p.a.duplicate("a1")
		p.bury("a1")
		p.a.duplicate("a1")
		p.b.duplicate("a1")
	}},
	{name: "one ID put with both", kind: shared, run: func(b *bed) {
		p := b.pair()
		var wg sync.WaitGroup
		added := make([]atomic.Int32, 20)
		for i := range 8 {
			wg.Go(func() {
				for n := range added {
					on := []*bed{p.a, p.b}[i%2]
					ok, err := on.Put(context.Background(), event(fmt.Sprint("a", n), "a"))
					if err != nil {
						b.Errorf("put: %v", err)
					}
					if ok {
						added[n].Add(1)
					}
				}
			})
		}
		wg.Wait()
		for n := range added {
			if times := added[n].Load(); times != 1 {
				b.Errorf("event %d was added %d times", n, times)
			}
			on, item := p.take(fmt.Sprint("a", n))
			on.Delivered(item)
		}
		p.mustHold(0, 0, 0)
		p.nothingDue()
	}},
	{name: "has", kind: shared, run: func(b *bed) {
		p := b.pair()
		p.a.put("a1")
		p.b.put("b1")
		for _, key := range []string{"a", "b"} {
			if !p.a.has(key) || !p.b.has(key) {
				b.Errorf("an event of the key %s was put", key)
			}
			if p.a.has("x") || p.b.has("x") {
				b.Error("there is no event of the key x")
			}
			on, item := p.next()
			for _, any := range []*bed{p.a, p.b} {
				if !any.has(item.Key) {
					b.Errorf("an event of the key %s is in flight", item.Key)
				}
			}
			on.Delivered(item)
			b.eventually("has no more", func() bool { return !p.a.has(item.Key) && !p.b.has(item.Key) })
		}
	}},
	{name: "full", kind: shared, run: func(b *bed) {
		const limit, most = 4, 1024 // a store need not know exactly what others put at the same time
		b.reopenEmpty(queue.Limits{Events: limit})
		p := b.pair()
		p.a.put("a1", "b1")
		p.b.put("c1", "d1")
		for _, on := range []*bed{p.a, p.b} {
			for n := 0; ; n++ {
				_, err := on.Put(context.Background(), event(fmt.Sprintf("x%p %d", on, n), "x"))
				if errors.Is(err, queue.ErrFull) {
					break
				}
				if err != nil || n > most {
					b.Fatalf("put %d beyond the limit: %v", n, err)
				}
			}
		}
		p.a.duplicate("d1")
		p.b.duplicate("a1")
	}},
	{name: "dead letters", kind: shared, run: func(b *bed) {
		p := b.pair()
		p.a.put("a1", "b1")
		p.b.put("c1", "d1")
		for range 4 {
			on, item := p.next()
			on.Bury(on.attempt(item))
			b.eventually("the dead letter", func() bool { return slices.Contains(names(p.b.letters("", room)), item.ID) })
		}
		p.mustHold(0, 0, 4)
		list := p.a.letters("", room)
		if other := p.b.letters("", room); !slices.Equal(names(list), names(other)) || len(list) != 4 {
			b.Fatalf("dead letters %v and %v", names(list), names(other))
		}
		if got := p.b.letters(list[1].Cursor, 1); len(got) != 1 || got[0].ID != list[2].ID || got[0].Attempts != 1 {
			b.Errorf("after %s: %+v", list[1].ID, got)
		}
		for i, step := range []struct {
			act  func(...string) (int, error)
			gone func(...string) (int, error)
		}{{p.b.replay, p.a.replay}, {p.a.drop, p.b.drop}, {p.a.replay, p.b.drop}, {p.b.drop, p.a.replay}} {
			id := list[i].ID
			if n, err := step.act(id); n != 1 || err != nil {
				b.Errorf("%s: %d, %v", id, n, err)
			}
			if n, err := step.gone(id); n != 0 || !errors.Is(err, queue.ErrNotFound) {
				b.Errorf("%s, which is gone: %d, %v", id, n, err)
			}
			p.a.mustList(names(list[i+1:])...)
			p.b.mustList(names(list[i+1:])...)
			if i%2 == 0 {
				on, item := p.take(id)
				on.Delivered(item)
			}
		}
		p.mustHold(0, 0, 0)
	}},
	{name: "events", kind: shared, run: func(b *bed) {
		p := b.pair()
		ids := firsts("1")
		for i, id := range ids {
			[]*bed{p.a, p.b}[i%2].put(id)
		}
		for i := range ids {
			on, item := p.next()
			if i%2 == 0 {
				on.Bury(on.attempt(item))
			}
		}
		p.mustHold(0, len(ids)/2, len(ids)/2)
		all, same := p.a.list(queue.Query{}), p.b.list(queue.Query{})
		var taken, dead int
		for i, e := range all {
			if same[i].ID != e.ID || same[i].Cursor != e.Cursor {
				b.Errorf("%d is %s at %s and %s at %s", i, e.ID, e.Cursor, same[i].ID, same[i].Cursor)
			}
			for _, state := range []queue.State{e.State, same[i].State} {
				switch state {
				case queue.InFlight:
					taken++
				case queue.DeadLetter:
					dead++
				}
			}
			page, err := p.b.Events(context.Background(), queue.Query{After: e.Cursor, Limit: 1})
			if want := shown(same[i+1 : min(i+2, len(same))]); err != nil || !slices.Equal(shown(page.Entries), want) {
				b.Errorf("after %s: %v, %v, want %v", e.Cursor, shown(page.Entries), err, want)
			}
			p.b.mustShow(queue.Query{IDs: []string{e.ID}}, shown(same[i:i+1])...)
		}
		if len(all) != len(ids) || taken < len(ids)/2 || dead != len(ids) {
			b.Errorf("%d events, seen %d times in flight and %d times dead", len(all), taken, dead)
		}
	}},
	{name: "counts add up", kind: shared, run: func(b *bed) {
		p := b.pair()
		p.mustHold(0, 0, 0)
		ids := firsts("1")
		for i, id := range ids {
			[]*bed{p.a, p.b}[i%2].put(id)
		}
		p.mustHold(len(ids), 0, 0)
		for i := range ids {
			switch on, item := p.next(); i % 4 {
			case 0:
				on.Bury(item)
			case 1:
				on.Retry(item, b.now().Add(time.Hour))
			case 2:
				on.Delivered(item)
			}
		}
		p.mustHold(len(ids)/4, len(ids)/4, len(ids)/4)
	}},
	{name: "abandoned", kind: shared, run: func(b *bed) {
		if b.o.Abandon == nil {
			b.Skip("needs a store that can be abandoned")
		}
		p := b.pair()
		held := p.hold()
		b.o.Abandon(p.a.Store)
		p.mustTakeOver(held)
	}},
	{name: "closed", kind: shared, run: func(b *bed) {
		p := b.pair()
		held := p.hold()
		began := time.Now()
		if err := p.a.Close(); err != nil {
			b.Error("close:", err)
		}
		p.mustTakeOver(held)
		if took := time.Since(began); took >= b.o.Lease {
			b.Errorf("the other store has the events after %v; that is how long it takes if a store is abandoned", took)
		}
	}},
	{name: "what is in flight stays when a store joins", kind: shared, run: func(b *bed) {
		b.put(firsts("1")...)
		var held []*queue.Item
		for range firsts("1") {
			held = append(held, b.next())
		}
		b.put(firsts("2")...)
		p := b.pair()
		for range 30 {
			p.nothingDue()
			time.Sleep(10 * time.Millisecond)
		}
		for _, item := range held {
			if item.Owned != nil && item.Owned.Err() != nil {
				b.Errorf("%s was lost", item.ID)
			}
			p.a.Delivered(item)
		}
		for range held {
			on, item := p.next()
			if item.ID[1:] != "2" {
				b.Errorf("took %s", item.ID)
			}
			on.Delivered(item)
		}
		p.mustHold(0, 0, 0)
	}},
	{name: "nodes", kind: shared, run: func(b *bed) {
		if _, ok := b.Store.(queue.Shared); !ok {
			b.Skip("the store does not tell about its node")
		}
		node := func(on *bed) queue.Node { return on.Store.(queue.Shared).Node() }
		b.eventually("one node", func() bool { n := node(b); return n.Nodes == 1 && n.Up && n.Partitions > 0 })
		all := node(b).Partitions
		p := b.pair()
		b.eventually("two nodes", func() bool {
			one, other := node(p.a), node(p.b)
			return one.Nodes == 2 && other.Nodes == 2 && one.Up && other.Up && one.ID != other.ID && one.Partitions+other.Partitions == all
		})
		p.a.Close()
		b.eventually("one node again", func() bool { n := node(p.b); return n.Nodes == 1 && n.Partitions == all })
	}},
}
