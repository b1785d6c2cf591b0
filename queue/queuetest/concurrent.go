package queuetest

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

var concurrentTests = []test{
	{name: "one ID put by many", run: func(b *bed) {
		var wg sync.WaitGroup
		added := make([]atomic.Int32, 20)
		for range 16 {
			wg.Go(func() {
				for i := range added {
					ok, err := b.Put(context.Background(), event(fmt.Sprint("a", i), "a"))
					if err != nil {
						b.Errorf("put: %v", err)
					}
					if ok {
						added[i].Add(1)
					}
				}
			})
		}
		wg.Wait()
		for i := range added {
			if n := added[i].Load(); n != 1 {
				b.Errorf("event %d was added %d times", i, n)
			}
			b.deliver(fmt.Sprint("a", i))
		}
		b.nothingDue()
	}},
	{name: "put by many until it is full", run: func(b *bed) {
		b.reopenEmpty(queue.Limits{Events: 5})
		var wg sync.WaitGroup
		var added atomic.Int32
		for i := range 16 {
			wg.Go(func() {
				switch ok, err := b.Put(context.Background(), event(fmt.Sprint(i), fmt.Sprint(i%3))); {
				case ok && err == nil:
					added.Add(1)
				case ok || !errors.Is(err, queue.ErrFull):
					b.Errorf("put: %v, %v", ok, err)
				}
			})
		}
		wg.Wait()
		if n := added.Load(); n != 5 {
			b.Errorf("added %d", n)
		}
		b.mustHold(5, 0, 0)
	}},
	{name: "a put that is cancelled", run: func(b *bed) {
		const events = 100
		var wg sync.WaitGroup
		for i := range events {
			ctx, cancel := context.WithCancel(context.Background())
			if i%10 == 0 {
				cancel() // before Put is called
			}
			wg.Go(func() {
				added, err := b.Put(ctx, event(fmt.Sprint(i), fmt.Sprint(i%7)))
				if added != (err == nil) || err != nil && !errors.Is(err, context.Canceled) {
					b.Errorf("put: %v, %v", added, err)
				}
				// the event may be stored or not; after a second put it is stored once
				if again, err := b.Put(context.Background(), event(fmt.Sprint(i), fmt.Sprint(i%7))); again && added || err != nil {
					b.Errorf("put again: %v, %v", again, err)
				}
			})
			wg.Go(cancel)
		}
		wg.Wait()
		b.mustHold(events, 0, 0)
		for range events {
			b.Delivered(b.next())
		}
		b.mustHold(0, 0, 0)
	}},
	{name: "everything at once", run: func(b *bed) {
		l := newLoad(b)
		l.start(300 * time.Millisecond)
		var wg sync.WaitGroup
		stop := make(chan struct{})
		wg.Go(func() {
			for {
				select {
				case <-stop:
					return
				default:
				}
				b.Hasten()
				b.has("k0")
				if c := b.Counts(); c.Waiting < 0 || c.InFlight < 0 || c.InFlight > 0 && c.Oldest.IsZero() {
					b.Errorf("counts: %+v", c)
					return
				}
				if _, err := b.Dead("", 10); err != nil {
					b.Errorf("dead: %v", err)
					return
				}
				runtime.Gosched()
			}
		})
		l.wg.Wait()
		close(stop)
		wg.Wait()
		b.mustHold(0, 0, 0)
	}},
}
