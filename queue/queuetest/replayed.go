package queuetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

var replayTests = []test{
	{name: "dead and delivered", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Retain: time.Hour})
		b.put("a1", "a2", "a3", "a4")
		b.deliver("a1")
		b.bury("a2")
		item := b.take("a3")
		cursors := b.cursors(queue.Query{IDs: []string{"a1", "a2"}}, "a2 dead", "a1 delivered")
		slices.Reverse(cursors)
		b.advance(time.Hour / 2)
		if n, err := b.ReplayEntries(context.Background(), cursors...); n != 2 || err != nil {
			b.Fatalf("%d, %v", n, err)
		}
		at := b.now()
		if b.reopens {
			b.restart()
			item = b.take("a3")
		}
		b.mustHold(3, 1, 0)
		b.mustShow(queue.Query{}, "a3 in_flight", "a4 waiting", "a1 waiting", "a2 waiting")
		b.duplicate("a1")
		b.Delivered(item)
		b.deliver("a4")
		for _, id := range []string{"a1", "a2"} {
			item := b.take(id)
			b.mustEqual(item, &queue.Item{Event: event(id, "a"), Received: at})
			b.Delivered(item)
		}
		b.mustHold(0, 0, 0)
		if n, err := b.ReplayEntries(context.Background(), cursors...); n != 0 || err != nil {
			b.Errorf("again: %d, %v", n, err)
		}
		b.mustShow(queue.Query{}, "a3 delivered", "a4 delivered", "a1 delivered", "a2 delivered")
	}},
	{name: "in the order given", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Retain: time.Hour})
		var ids []string
		for n := range 600 { // more than a store does at once
			ids = append(ids, fmt.Sprint("a", n))
		}
		b.put(ids...)
		b.deliver(ids...)
		b.mustHold(0, 0, 0)
		var cursors []string
		for _, e := range b.list(queue.Query{}) {
			cursors = append(cursors, e.Cursor)
		}
		slices.Reverse(cursors)
		slices.Reverse(ids)
		if n, err := b.ReplayEntries(context.Background(), append(cursors, cursors[:9]...)...); n != len(ids) || err != nil {
			b.Fatalf("%d, %v", n, err)
		}
		b.restart()
		b.deliver(ids...)
	}},
	{name: "what waits or is gone", run: func(b *bed) {
		b.put("d1", "a1", "b1")
		b.take("d1")
		b.bury("a1")
		cursors := b.cursors(queue.Query{}, "d1 in_flight", "b1 waiting", "a1 dead")
		b.drop("a1")
		if n, err := b.ReplayEntries(context.Background(), cursors...); n != 0 || err != nil {
			b.Errorf("%d, %v", n, err)
		}
		if n, err := b.ReplayEntries(context.Background()); n != 0 || err != nil {
			b.Errorf("nothing: %d, %v", n, err)
		}
		b.mustHold(1, 1, 0)
		for _, cursor := range []string{"", "a1", "x"} {
			if n, err := b.ReplayEntries(context.Background(), cursors[0], cursor); n != 0 || !errors.Is(err, queue.ErrCursor) {
				b.Errorf("cursor %q: %d, %v", cursor, n, err)
			}
		}
	}},
	{name: "replayed and dead again", run: func(b *bed) {
		b.put("a1")
		b.bury("a1")
		cursors := b.cursors(queue.Query{}, "a1 dead")
		b.replay()
		b.bury("a1")
		if n, err := b.ReplayEntries(context.Background(), cursors...); n != 0 || err != nil {
			b.Errorf("%d, %v", n, err)
		}
	}},
	{name: "put again meanwhile", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Retain: time.Hour})
		b.put("a1")
		b.deliver("a1")
		b.mustHold(0, 0, 0)
		cursors := b.cursors(queue.Query{}, "a1 delivered")
		b.advance(queue.Remember + time.Second)
		b.put("a1")
		b.restart()
		if n, err := b.ReplayEntries(context.Background(), cursors...); n != 0 || err != nil {
			b.Errorf("%d, %v", n, err)
		}
		b.deliver("a1")
		b.mustHold(0, 0, 0)
	}},
	{name: "full", kind: restarts, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Events: 2, Retain: time.Hour})
		b.put("a1", "b1")
		b.deliver("a1", "b1")
		b.mustHold(0, 0, 0)
		cursors := b.cursors(queue.Query{}, "a1 delivered", "b1 delivered")
		b.put("c1")
		b.bury("c1")
		b.restart()
		if n, err := b.ReplayEntries(context.Background(), cursors[0]); n != 1 || err != nil {
			b.Errorf("%d, %v", n, err)
		}
		if n, err := b.ReplayEntries(context.Background(), cursors[1]); n != 0 || !errors.Is(err, queue.ErrFull) {
			b.Errorf("%d, %v", n, err)
		}
		dead := b.cursors(queue.Query{State: queue.DeadLetter}, "c1 dead")
		if n, err := b.ReplayEntries(context.Background(), dead...); n != 1 || err != nil {
			b.Errorf("a dead letter, which counts already: %d, %v", n, err)
		}
		b.mustHold(2, 0, 0)
		b.mustShow(queue.Query{}, "a1 waiting", "c1 waiting", "b1 delivered")
	}},
	{name: "counts", run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Retain: time.Hour})
		b.put("a1", "b1")
		before := b.totals()
		b.deliver("a1")
		b.bury("b1")
		b.ReplayEntries(context.Background(), b.cursors(queue.Query{}, "b1 dead", "a1 delivered")...)
		b.eventually(fmt.Sprintf("the same totals as before, %+v", before), func() bool {
			after := b.totals()
			return after.Waiting == 2 && after.Dead == 0 && after.Bytes == before.Bytes && before.Bytes > 0
		})
	}},
	{name: "cancelled and closed", run: func(b *bed) {
		b.put("a1")
		b.bury("a1")
		cursors := b.cursors(queue.Query{}, "a1 dead")
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		if n, err := b.ReplayEntries(ctx, cursors...); (n == 0) != (err != nil) && n != 1 {
			b.Errorf("cancelled: %d, %v", n, err)
		}
		b.Close()
		if n, err := b.ReplayEntries(context.Background(), cursors...); n != 0 || !errors.Is(err, queue.ErrClosed) {
			b.Errorf("closed: %d, %v", n, err)
		}
	}},
	{name: "then a crash", kind: durable, run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Retain: time.Hour})
		b.put("a1", "b1", "a2", "b2")
		b.deliver("a1")
		b.bury("b1")
		b.ReplayEntries(context.Background(), b.cursors(queue.Query{IDs: []string{"a1", "b1"}}, "b1 dead", "a1 delivered")...)
		c := b.crash()
		c.mustHold(4, 0, 0)
		left := map[string][]string{"a": {"a2", "a1"}, "b": {"b2", "b1"}} // a store may load one key after the other
		for range 4 {
			item := c.next()
			if want := left[item.Key]; len(want) == 0 || item.ID != want[0] {
				c.Fatalf("took %s of %s, want %v", item.ID, item.Key, want)
			}
			left[item.Key] = left[item.Key][1:]
			c.Delivered(item)
		}
	}},
	{name: "a crash meanwhile", kind: copied, run: func(b *bed) {
		cursors := b.many()
		var wg sync.WaitGroup
		wg.Go(func() {
			if n, err := b.ReplayEntries(context.Background(), cursors...); n != len(cursors) || err != nil {
				b.Errorf("%d, %v", n, err)
			}
		})
		time.Sleep(2 * time.Millisecond)
		files := b.image()
		wg.Wait()
		b.opened(files).allThere(cursors)
	}},
	{name: "abandoned meanwhile", kind: abandoned, run: func(b *bed) {
		cursors := b.many()
		var wg sync.WaitGroup
		wg.Go(func() { b.ReplayEntries(context.Background(), cursors...) })
		time.Sleep(20 * time.Millisecond)
		c := b.crash()
		wg.Wait()
		c.allThere(cursors)
	}},
}

func (b *bed) totals() queue.Counts {
	b.Helper()
	totals, err := b.Totals(context.Background())
	if err != nil {
		b.Fatal("totals:", err)
	}
	return totals
}

// many puts and delivers many events, which are retained, and returns their cursors.
func (b *bed) many() (cursors []string) {
	b.reopenEmpty(queue.Limits{Retain: time.Hour})
	var ids []string
	for n := range 1500 {
		ids = append(ids, fmt.Sprint(string(rune('a'+n%20)), n))
	}
	b.put(ids...)
	for range ids {
		b.Delivered(b.next())
	}
	b.mustHold(0, 0, 0)
	for _, e := range b.list(queue.Query{}) {
		cursors = append(cursors, e.Cursor)
	}
	return cursors
}

// allThere replays events once more after a crash, and checks that each of them waits then, once.
func (b *bed) allThere(cursors []string) {
	b.Helper()
	if _, err := b.ReplayEntries(context.Background(), cursors...); err != nil {
		b.Error("replay:", err)
	}
	b.mustHold(len(cursors), 0, 0)
	seen := make(map[string]int)
	for _, e := range b.list(queue.Query{}) {
		if seen[e.ID]++; seen[e.ID] > 1 || e.State != queue.Waiting {
			b.Errorf("%s is %s, and there %d times", e.ID, e.State, seen[e.ID])
		}
	}
	if len(seen) != len(cursors) {
		b.Errorf("%d are there of %d", len(seen), len(cursors))
	}
}

// cursors returns the cursors of the events that a query lists, which must be these.
func (b *bed) cursors(q queue.Query, want ...string) (cursors []string) {
	b.Helper()
	b.showsSoon(q, want...)
	for _, e := range b.list(q) {
		cursors = append(cursors, e.Cursor)
	}
	return cursors
}
