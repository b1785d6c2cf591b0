package delivery

import (
	"context"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/queuetest"
)

var (
	delivered = Result{Verdict: Delivered}
	refused   = Result{Verdict: Refused, Error: "404 Not Found"}
	outage    = Result{Verdict: Outage, Error: "503 Service Unavailable"}
)

// ledger is a store that checks that every item that was taken is given back exactly once.
type ledger struct {
	*queuetest.Memory
	t *testing.T

	mu    sync.Mutex
	out   map[uint64]bool
	takes int       // how often Take was called
	fail  error     // the error of Take
	next  time.Time // unless zero, the time that Take returns
	owned func(*queue.Item) context.Context
}

func (l *ledger) Take(now time.Time, except ...string) (*queue.Item, time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.takes++
	if l.fail != nil {
		return nil, time.Time{}, l.fail
	}
	item, next, err := l.Memory.Take(now, except...)
	if item != nil {
		l.out[item.Seq] = true
		if l.owned != nil {
			item.Owned = l.owned(item)
		}
	}
	if !l.next.IsZero() {
		next = l.next
	}
	return item, next, err
}

func (l *ledger) ended(item *queue.Item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.out[item.Seq] {
		l.t.Errorf("%s was given back twice", item.ID)
	}
	delete(l.out, item.Seq)
}

func (l *ledger) Delivered(item *queue.Item)           { l.ended(item); l.Memory.Delivered(item) }
func (l *ledger) Retry(item *queue.Item, at time.Time) { l.ended(item); l.Memory.Retry(item, at) }
func (l *ledger) Bury(item *queue.Item)                { l.ended(item); l.Memory.Bury(item) }
func (l *ledger) Release(item *queue.Item)             { l.ended(item); l.Memory.Release(item) }

func (l *ledger) failTakes(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

// setOwned sets the function that makes the contexts Owned of the items that are taken from now on.
func (l *ledger) setOwned(f func(*queue.Item) context.Context) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.owned = f
}

func (l *ledger) takeCalls() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.takes
}

// try is an attempt that the backend has seen.
type try struct {
	id     string
	at     time.Duration // since the bench was made
	result Result
}

// bench is a dispatcher with a store and a backend. It must be used in a bubble of synctest.
type bench struct {
	*testing.T
	*Dispatcher
	store *ledger
	began time.Time

	mu        sync.Mutex
	backend   func(ctx context.Context, item *queue.Item) Result
	running   int
	most      int // the most attempts at the same time until now
	tries     []try
	reports   []Report
	downs     []time.Duration
	ups       []time.Duration
	storeErrs []error
}

// newBench returns a bench whose backend always returns r, until that is changed.
func newBench(t *testing.T, opts Options, r Result) *bench {
	b := &bench{T: t, began: time.Now()}
	b.store = &ledger{Memory: queuetest.NewMemory(queue.Limits{}), t: t, out: make(map[uint64]bool)}
	b.answer(r)
	b.Dispatcher = b.dispatcher(opts)
	return b
}

func (b *bench) dispatcher(opts Options) *Dispatcher {
	locked := func(f func()) {
		b.mu.Lock()
		defer b.mu.Unlock()
		f()
	}
	return New(b.store, b.serve, opts, Observer{
		Attempted: func(r Report) {
			item := *r.Item
			r.Item = &item
			locked(func() { b.reports = append(b.reports, r) })
		},
		Down:        func() { locked(func() { b.downs = append(b.downs, b.now()) }) },
		Up:          func(d time.Duration) { locked(func() { b.ups = append(b.ups, d) }) },
		StoreFailed: func(err error) { locked(func() { b.storeErrs = append(b.storeErrs, err) }) },
	})
}

func (b *bench) now() time.Duration { return time.Since(b.began) }

func (b *bench) serve(ctx context.Context, item *queue.Item) (r Result) {
	b.mu.Lock()
	i := len(b.tries)
	b.tries = append(b.tries, try{id: item.ID, at: b.now()})
	b.running++
	b.most = max(b.most, b.running)
	backend := b.backend
	b.mu.Unlock()
	defer func() {
		b.mu.Lock()
		b.running--
		b.tries[i].result = r
		b.mu.Unlock()
	}()
	return backend(ctx, item)
}

// serveWith sets the function that the backend calls from now on.
func (b *bench) serveWith(f func(ctx context.Context, item *queue.Item) Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backend = f
}

func (b *bench) answer(r Result) {
	b.serveWith(func(context.Context, *queue.Item) Result { return r })
}

// script makes the backend return these results one after the other, and then always the last one.
func (b *bench) script(results ...Result) {
	n := 0
	b.serveWith(func(context.Context, *queue.Item) Result {
		b.mu.Lock()
		defer b.mu.Unlock()
		r := results[min(n, len(results)-1)]
		n++
		return r
	})
}

// put puts events. An event such as a1 has the key a.
func (b *bench) put(ids ...string) {
	b.Helper()
	for _, id := range ids {
		if ok, err := b.store.Put(context.Background(), queue.Event{ID: id, Key: id[:1]}); !ok || err != nil {
			b.Fatalf("put %s: %v, %v", id, ok, err)
		}
	}
}

// putKeys puts one event for each of n keys.
func (b *bench) putKeys(n int) {
	b.Helper()
	for i := range n {
		id := fmt.Sprintf("%c1", 'A'+i)
		b.put(id)
	}
}

// sleep lets time pass, and then waits until all goroutines are blocked.
func (b *bench) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// close stops the dispatcher, and checks that no event is still taken.
func (b *bench) close() {
	b.Helper()
	b.Stop(context.Background())
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	if len(b.store.out) > 0 {
		b.Errorf("%d events were taken and not given back", len(b.store.out))
	}
}

// seen returns the attempts until now.
func (b *bench) seen() []try {
	b.mu.Lock()
	defer b.mu.Unlock()
	return slices.Clone(b.tries)
}

func (b *bench) ids() (ids []string) {
	for _, try := range b.seen() {
		ids = append(ids, try.id)
	}
	return ids
}

func (b *bench) mustHold(waiting, inFlight, dead int) {
	b.Helper()
	synctest.Wait()
	if c := b.store.Counts(); c.Waiting != waiting || c.InFlight != inFlight || c.Dead != dead {
		b.Errorf("after %v the store holds %d waiting, %d in flight, %d dead; want %d, %d, %d",
			b.now(), c.Waiting, c.InFlight, c.Dead, waiting, inFlight, dead)
	}
}

func (b *bench) dead() []queue.Dead {
	b.Helper()
	list, err := b.store.Dead("", 1000)
	if err != nil {
		b.Fatal(err)
	}
	return list
}

// checkGaps checks that each time between two attempts is between half of the given one and all of it.
func checkGaps(t *testing.T, tries []try, want ...time.Duration) {
	t.Helper()
	if len(tries) < len(want)+1 {
		t.Fatalf("only %d attempts: %v", len(tries), tries)
	}
	for i, w := range want {
		if gap := tries[i+1].at - tries[i].at; gap < w/2 || gap > w {
			t.Errorf("attempt %d came %v after the one before, want from %v to %v", i+2, gap, w/2, w)
		}
	}
}

const sec = time.Second

// doublingWaits returns n longest waits, beginning with a second.
func doublingWaits(n int) (waits []time.Duration) {
	for i := range n {
		waits = append(waits, min(sec<<i, 10*time.Minute))
	}
	return waits
}
