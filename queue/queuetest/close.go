package queuetest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"sync/atomic"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

var closeTests = []test{
	{name: "closed", kind: restarts, run: func(b *bed) {
		b.put("a1", "b1", "c1", "d1", "e1")
		b.bury("a1")
		var items []*queue.Item
		for _, id := range []string{"b1", "c1", "d1", "e1"} {
			items = append(items, b.take(id))
		}
		if err := b.Close(); err != nil {
			b.Fatal("close:", err)
		}
		for _, call := range []struct {
			name string
			f    func() error
		}{
			{"put", func() error { _, err := b.Put(context.Background(), event("x1", "x")); return err }},
			{"take", func() error { _, _, err := b.Take(b.now()); return err }},
			{"dead", func() error { _, err := b.Dead("", room); return err }},
			{"replay", func() error { _, err := b.Replay("a1"); return err }},
			{"drop", func() error { _, err := b.Drop(); return err }},
		} {
			if err := call.f(); !errors.Is(err, queue.ErrClosed) {
				b.Errorf("%s: %v, want %v", call.name, err, queue.ErrClosed)
			}
		}
		// calls after Close must do no harm
		b.Delivered(items[0])
		b.Retry(items[1], b.now())
		b.Bury(items[2])
		b.Release(items[3])
		b.Hasten()
		if has, err := b.Has(context.Background(), "a"); err != nil && !has {
			b.Errorf("has: %v, %v", has, err)
		}
		b.Counts()
		b.Totals(context.Background())
		b.Close()
		if b.reopens {
			b.open()
			b.mustHold(4, 0, 1)
			b.take("b1", "c1", "d1", "e1")
			b.mustList("a1")
		}
	}},
	{name: "writes outcomes", kind: durable, run: func(b *bed) {
		b.put("a1", "b1", "c1", "d1")
		a, bb, c, d := b.take("a1"), b.take("b1"), b.take("c1"), b.take("d1")
		b.Delivered(a)
		b.Bury(bb)
		b.Retry(b.attempt(c), b.now())
		b.Release(d)
		b.reopen()
		b.mustHold(2, 0, 1)
		b.duplicate("a1")
		for range 2 {
			if item := b.next(); item.ID == "c1" && item.Attempts != 1 {
				b.Errorf("%d attempts, want 1", item.Attempts)
			}
		}
	}},
	{name: "while putting", kind: durable, run: func(b *bed) {
		const writers = 8
		var wg sync.WaitGroup
		stored := make([]int, writers)
		var closed atomic.Bool
		begun := make(chan struct{}, 2*writers)
		for w := range writers {
			wg.Go(func() {
				defer func() { begun <- struct{}{} }()
				for late := false; !late; {
					late = closed.Load()
					added, err := b.Put(context.Background(), event(fmt.Sprint(w, " ", stored[w]), fmt.Sprint(w)))
					if err != nil {
						if !errors.Is(err, queue.ErrClosed) {
							b.Errorf("put: %v", err)
						}
						return
					}
					if !added || late {
						b.Errorf("put: %v, %v; closed %v", added, err, late)
					}
					if stored[w]++; stored[w] == 3 {
						begun <- struct{}{}
					}
				}
			})
		}
		for range writers {
			<-begun
		}
		if err := b.Close(); err != nil {
			b.Error("close:", err)
		}
		closed.Store(true)
		wg.Wait()
		b.open()
		got := make([]int, writers)
		for range b.settled().Waiting {
			item := b.next()
			var w, n int
			fmt.Sscan(item.ID, &w, &n)
			if n != got[w] {
				b.Errorf("took %q, want number %d", item.ID, got[w])
			}
			got[w]++
			b.Delivered(item)
		}
		for w := range writers {
			if got[w] != stored[w] {
				b.Errorf("key %d has %d events, want %d", w, got[w], stored[w])
			}
		}
	}},
}
