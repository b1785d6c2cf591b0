package queuetest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

var eventTests = []test{
	{name: "states", kind: restarts, run: func(b *bed) {
		b.events()
		inFlight := "a1 in_flight"
		if b.restart(); b.reopens {
			inFlight = "a1 waiting"
		}
		b.mustShow(queue.Query{}, "c1 waiting", inFlight, "d1 waiting", "a2 waiting", "b1 dead")
		for _, e := range b.list(queue.Query{}) {
			want := queue.Item{Event: event(e.ID, e.ID[:1]), Received: e.Received}
			if e.ID == "b1" || e.ID == "c1" {
				b.attempt(&want)
			}
			b.mustEqual(&e.Item, &want)
			switch {
			case e.ID == "c1" && !e.Due.Equal(b.now().Add(time.Hour)), e.ID != "c1" && !e.Due.IsZero(), !e.Ended.IsZero():
				b.Errorf("%s is due at %v, it is %v; its delivery ended at %v", e.ID, e.Due, b.now(), e.Ended)
			}
		}
		b.Hasten()
		for _, e := range b.list(queue.Query{}) {
			if !e.Due.IsZero() {
				b.Errorf("%s is due at %v", e.ID, e.Due)
			}
		}
	}},
	{name: "by state", run: func(b *bed) {
		b.events()
		b.mustShow(queue.Query{State: queue.InFlight}, "a1 in_flight")
		b.mustShow(queue.Query{State: queue.Waiting}, "c1 waiting", "d1 waiting", "a2 waiting")
		b.mustShow(queue.Query{State: queue.Waiting, Limit: 1}, "c1 waiting", "d1 waiting", "a2 waiting")
		b.mustShow(queue.Query{State: queue.Waiting, Look: 1}, "c1 waiting", "d1 waiting", "a2 waiting")
		b.mustShow(queue.Query{State: queue.DeadLetter}, "b1 dead")
		b.mustShow(queue.Query{State: queue.Delivered})
	}},
	{name: "by ID", kind: restarts, run: func(b *bed) {
		b.events()
		b.put("e1")
		b.put("e2")
		b.restart()
		q := queue.Query{IDs: []string{"b1", "nobody", "e1", "d1", "", "e1", "x1"}}
		b.mustShow(q, "d1 waiting", "e1 waiting", "b1 dead")
		q.Limit = 1
		b.mustShow(q, "d1 waiting", "e1 waiting", "b1 dead")
		q.State = queue.DeadLetter
		b.mustShow(q, "b1 dead")
		b.mustShow(queue.Query{IDs: []string{"nobody"}})
	}},
	{name: "by time", kind: restarts, run: func(b *bed) {
		b.put("a1", "b1", "a2", "a3", "a4", "b2")
		last := b.now()
		b.restart()
		b.bury("a1", "b1")
		b.mustShow(queue.Query{Since: last.Add(-3 * time.Second)}, "a2 waiting", "a3 waiting", "a4 waiting", "b2 waiting")
		b.mustShow(queue.Query{Until: last.Add(-3 * time.Second)}, "a1 dead", "b1 dead")
		b.mustShow(queue.Query{Since: last.Add(-4 * time.Second), Until: last}, "a2 waiting", "a3 waiting", "a4 waiting", "b1 dead")
	}},
	{name: "matching", kind: restarts, run: func(b *bed) {
		for n := range 30 {
			b.put(fmt.Sprint("a", n))
		}
		b.bury("a0", "a1")
		b.restart()
		q := queue.Query{Match: func(item *queue.Item) bool {
			if string(item.Payload) != "payload of "+item.ID || item.Key != "a" || item.Received.IsZero() {
				b.Errorf("asked about %+v", item)
			}
			return strings.HasSuffix(item.ID, "1")
		}}
		want := []string{"a11 waiting", "a21 waiting", "a1 dead"}
		b.mustShow(q, want...)
		for _, q.Look = range []int{1, 5, 7, 30} {
			b.mustShow(q, want...)
		}
		q.Look, q.Limit = 10, 1
		b.mustShow(q, want...)
		q.Look = 5
		page, err := b.Events(context.Background(), q)
		if err != nil || len(page.Entries) != 0 || page.Next == "" {
			b.Errorf("in 5 events: %+v, %v", page, err)
		}
	}},
	{name: "pages", kind: restarts, run: func(b *bed) {
		var want []string
		for n := range 30 {
			b.put(fmt.Sprint("a", n))
		}
		for n := range 10 {
			b.bury(fmt.Sprint("a", n))
		}
		for n := range 30 {
			want = append(want, fmt.Sprint("a", (n+10)%30, " ", []string{"waiting", "dead"}[n/20]))
		}
		b.restart()
		for _, limit := range []int{1, 7, 20, 30, 31} {
			b.mustShow(queue.Query{Limit: limit}, want...)
		}
		all := b.list(queue.Query{})
		for i, e := range all {
			page, err := b.Events(context.Background(), queue.Query{After: e.Cursor, Limit: 2})
			if end := min(i+3, len(all)); err != nil || !slices.Equal(shown(page.Entries), want[i+1:end]) {
				b.Errorf("after %s: %v, %v", e.Cursor, shown(page.Entries), err)
			}
		}
	}},
	{name: "pages of large events", run: func(b *bed) {
		const size = queue.MaxPageBytes / 4
		for n := range 6 {
			b.store(queue.Event{ID: fmt.Sprint("a", n), Key: "a", Payload: make([]byte, size)})
		}
		page, err := b.Events(context.Background(), queue.Query{})
		if err != nil || len(page.Entries) == 0 || len(page.Entries) > 5 || page.Next == "" {
			b.Errorf("a page of %d, %v", len(page.Entries), err)
		}
		if all := b.list(queue.Query{}); len(all) != 6 {
			b.Errorf("%v", shown(all))
		}
	}},
	{name: "pages while events move", kind: restarts, run: func(b *bed) {
		stay, go1, go2 := "bcdef", "ghijk", "lmnop"
		for i := range 5 {
			b.put(stay[i:i+1]+"1", go1[i:i+1]+"1", go2[i:i+1]+"1", stay[i:i+1]+"2")
		}
		seen := make(map[string][]queue.State)
		taken := make(map[string]*queue.Item)
		for range len(stay + go1 + go2) {
			item := b.next()
			taken[item.Key] = item
		}
		q := queue.Query{Limit: 3}
		for n := 0; ; n++ {
			page, err := b.Events(context.Background(), q)
			if err != nil {
				b.Fatal(err)
			}
			for _, e := range page.Entries {
				seen[e.ID] = append(seen[e.ID], e.State)
			}
			if q.After = page.Next; q.After == "" {
				break
			}
			if n < 5 {
				b.Delivered(taken[go1[n:n+1]])
				b.Bury(taken[go2[4-n:5-n]])
				b.eventually("the dead letter", func() bool { return b.Counts().Dead == n+1 })
				b.put(fmt.Sprint("x", n))
			}
		}
		for i := range 5 {
			for _, id := range []string{stay[i:i+1] + "1", stay[i:i+1] + "2"} {
				if len(seen[id]) != 1 {
					b.Errorf("%s was seen as %v", id, seen[id])
				}
			}
			if id := go2[i:i+1] + "1"; len(seen[id]) < 1 {
				b.Errorf("%s, which died, was not seen", id)
			}
		}
	}},
	{name: "cursors", run: func(b *bed) {
		b.put("a1")
		for _, cursor := range []string{"x", "a1", "w", "w1x", "w-1", "-1"} {
			if _, err := b.Events(context.Background(), queue.Query{After: cursor}); !errors.Is(err, queue.ErrCursor) {
				b.Errorf("cursor %q: %v", cursor, err)
			}
		}
	}},
	{name: "cancelled and closed", run: func(b *bed) {
		b.put("a1")
		ctx, cancel := context.WithCancel(context.Background())
		page, err := b.Events(ctx, queue.Query{Match: func(*queue.Item) bool { cancel(); return false }})
		if err == nil && (len(page.Entries) > 0 || page.Next != "") {
			b.Errorf("cancelled: %+v", page)
		}
		b.Close()
		if _, err := b.Events(context.Background(), queue.Query{}); !errors.Is(err, queue.ErrClosed) {
			b.Errorf("closed: %v", err)
		}
		if _, err := b.Events(context.Background(), queue.Query{IDs: []string{"a1"}}); !errors.Is(err, queue.ErrClosed) {
			b.Errorf("closed: %v", err)
		}
	}},
	{name: "listed under load", run: func(b *bed) {
		l := newLoad(b)
		l.start(300 * time.Millisecond)
		done := make(chan struct{})
		go func() {
			defer close(done)
			l.wg.Wait()
		}()
		var wg sync.WaitGroup
		for _, q := range []queue.Query{{}, {State: queue.InFlight}, {Limit: 100}, {IDs: []string{"1 1", "2 2"}}} {
			wg.Go(func() {
				for {
					began := time.Now()
					b.list(q)
					select {
					case <-done:
						return
					case <-time.After(max(5*time.Millisecond, 4*time.Since(began))): // the load must get on
					}
				}
			})
		}
		wg.Wait()
		b.mustHold(0, 0, 0)
		b.mustShow(queue.Query{})
	}},
}

// events puts events and brings them into several states.
func (b *bed) events() {
	b.Helper()
	b.put("b1", "c1", "a1")
	b.bury("b1")
	b.Retry(b.attempt(b.take("c1")), b.now().Add(time.Hour))
	b.take("a1")
	b.put("d1", "a2")
	b.time.Add(-2) // so that attempts have the same time as now
	b.mustHold(3, 1, 1)
}

// list lists events page by page.
func (b *bed) list(q queue.Query) (all []queue.Entry) {
	b.Helper()
	for {
		page, err := b.Events(context.Background(), q)
		if err != nil {
			b.Error("events:", err)
			return all
		}
		if q.Limit > 0 && len(page.Entries) > q.Limit {
			b.Errorf("a page of %d, the limit is %d", len(page.Entries), q.Limit)
		}
		all = append(all, page.Entries...)
		if page.Next == "" {
			return all
		}
		q.After = page.Next
	}
}

// shown describes entries by their IDs and states.
func shown(list []queue.Entry) (texts []string) {
	for _, e := range list {
		texts = append(texts, fmt.Sprint(e.ID, " ", e.State))
	}
	return texts
}

// mustShow checks which events a query lists. Stores that are shared may need a moment.
func (b *bed) mustShow(q queue.Query, want ...string) {
	b.Helper()
	if got := shown(b.list(q)); !slices.Equal(got, want) {
		b.Errorf("%+v lists %v, want %v", q, got, want)
	}
}
