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

// ledger is a store that sees to it that what was taken is ended exactly once.
type ledger struct {
	*queuetest.Memory
	t *testing.T

	mu    sync.Mutex
	out   map[uint64]bool
	takes int       // calls of Take
	fail  error     // what Take fails with
	next  time.Time // what Take returns instead of its own, unless zero
}

func (l *ledger) Take(now time.Time) (*queue.Item, time.Time, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.takes++
	if l.fail != nil {
		return nil, time.Time{}, l.fail
	}
	item, next, err := l.Memory.Take(now)
	if item != nil {
		l.out[item.Seq] = true
	}
	if !l.next.IsZero() {
		next = l.next
	}
	return item, next, err
}

func (l *ledger) end(item *queue.Item) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if !l.out[item.Seq] {
		l.t.Errorf("%s was ended twice", item.ID)
	}
	delete(l.out, item.Seq)
}

func (l *ledger) Delivered(item *queue.Item)           { l.end(item); l.Memory.Delivered(item) }
func (l *ledger) Retry(item *queue.Item, at time.Time) { l.end(item); l.Memory.Retry(item, at) }
func (l *ledger) Bury(item *queue.Item)                { l.end(item); l.Memory.Bury(item) }
func (l *ledger) Release(item *queue.Item)             { l.end(item); l.Memory.Release(item) }

func (l *ledger) failing(err error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.fail = err
}

func (l *ledger) taken() int {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.takes
}

// try is an attempt that was seen.
type try struct {
	id     string
	at     time.Duration // since the bench was made
	result Result
}

// bench is a dispatcher between a store and a backend. It lives in a bubble.
type bench struct {
	*testing.T
	*Dispatcher
	store *ledger
	began time.Time

	mu        sync.Mutex
	backend   func(ctx context.Context, item *queue.Item) Result
	running   int
	most      int // attempts at one time, so far
	tries     []try
	reports   []Report
	downs     []time.Duration
	ups       []time.Duration
	storeErrs []error
}

// newBench makes a bench whose backend always does the same, until it is told otherwise.
func newBench(t *testing.T, opts Options, r Result) *bench {
	b := &bench{T: t, began: time.Now()}
	b.store = &ledger{Memory: queuetest.NewMemory(0), t: t, out: make(map[uint64]bool)}
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

// serveWith sets what the backend does from now on.
func (b *bench) serveWith(f func(ctx context.Context, item *queue.Item) Result) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.backend = f
}

func (b *bench) answer(r Result) {
	b.serveWith(func(context.Context, *queue.Item) Result { return r })
}

// script makes the backend give these answers, and the last of them for ever.
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

// put puts events named like a1 under the key a.
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

// sleep lets time pass, and all that happens then.
func (b *bench) sleep(d time.Duration) {
	time.Sleep(d)
	synctest.Wait()
}

// close ends the dispatcher as it should be ended.
func (b *bench) close() {
	b.Helper()
	b.Stop(context.Background())
	b.store.mu.Lock()
	defer b.store.mu.Unlock()
	if len(b.store.out) > 0 {
		b.Errorf("%d events were taken and not given back", len(b.store.out))
	}
}

// seen returns the attempts so far.
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

func (b *bench) holds(waiting, inFlight, dead int) {
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

// gaps checks the times between attempts: from half of each to all of it.
func gaps(t *testing.T, tries []try, want ...time.Duration) {
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

// doubling are waits from a second on.
func doubling(n int) (waits []time.Duration) {
	for i := range n {
		waits = append(waits, min(sec<<i, 10*time.Minute))
	}
	return waits
}
