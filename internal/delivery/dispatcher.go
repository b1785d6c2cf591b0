// Package delivery takes events from a [queue.Store] and has them delivered:
// with retries, in the order of each key, and sparing a backend that is down.
package delivery

import (
	"cmp"
	"context"
	"errors"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Options of a [Dispatcher]; zero values stand for the defaults.
type Options struct {
	Workers     int           // attempts at a time; 16
	Timeout     time.Duration // of an attempt; 10s
	RetryMin    time.Duration // wait after the first failure, doubling; 1s
	RetryMax    time.Duration // the longest wait; 10m
	GiveUpAfter time.Duration // from an event's first attempt until an outage makes it a dead letter; 72h
	MaxRefusals int           // after so many refusals an event is a dead letter; 5
}

func (o Options) withDefaults() Options {
	return Options{
		Workers:     cmp.Or(max(o.Workers, 0), 16),
		Timeout:     cmp.Or(max(o.Timeout, 0), 10*time.Second),
		RetryMin:    cmp.Or(max(o.RetryMin, 0), time.Second),
		RetryMax:    cmp.Or(max(o.RetryMax, 0), 10*time.Minute),
		GiveUpAfter: cmp.Or(max(o.GiveUpAfter, 0), 72*time.Hour),
		MaxRefusals: cmp.Or(max(o.MaxRefusals, 0), 5),
	}
}

// Dispatcher attempts to deliver what a store holds. There must be one at a time
// per store. All its decisions are made by one goroutine, which sleeps until
// something ends, comes in or becomes due.
type Dispatcher struct {
	store    queue.Store
	attempt  Attempt
	opts     Options
	observer Observer
	retry    backoff
	late     *lateError

	ctx      context.Context // of all attempts
	cancel   context.CancelFunc
	ended    chan *run
	stop     chan struct{} // closed by Retire and Stop
	retired  chan struct{} // closed when the store is not asked for events any more
	finished chan struct{} // closed when nothing runs any more

	mu      sync.Mutex // of the following two
	started bool
	stopped bool

	// of the goroutine alone
	running  int
	health   health
	failures int       // of the store, in a row
	resume   time.Time // no Take before then
	closed   bool      // the store is
}

// storeBackoff is how long a store that cannot hand out events is left alone.
var storeBackoff = backoff{100 * time.Millisecond, 10 * time.Second}

// New returns a dispatcher that has not been started.
func New(store queue.Store, attempt Attempt, opts Options, observer Observer) *Dispatcher {
	opts = opts.withDefaults()
	opts.RetryMax = max(opts.RetryMax, opts.RetryMin)
	retry := backoff{opts.RetryMin, opts.RetryMax}
	ctx, cancel := context.WithCancel(context.Background())
	return &Dispatcher{
		store:    store,
		attempt:  attempt,
		opts:     opts,
		observer: observer,
		retry:    retry,
		late:     &lateError{opts.Timeout},
		ctx:      ctx,
		cancel:   cancel,
		ended:    make(chan *run, opts.Workers),
		stop:     make(chan struct{}),
		retired:  make(chan struct{}),
		finished: make(chan struct{}),
		health:   health{pace: retry},
	}
}

// Start begins to take events. It does nothing when called again, or after Stop.
func (d *Dispatcher) Start() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.started || d.stopped {
		return
	}
	d.started = true
	go d.loop()
}

// Retire has it take no more events, so that another dispatcher can take over the
// store when Retire returns. What runs goes on until it ends or Stop ends it.
func (d *Dispatcher) Retire() {
	if d.halt() {
		<-d.retired
	}
}

// Stop ends it for good. It takes no more events, waits for the attempts that run
// until ctx is done, cancels those that are left, and waits for them too. Events
// whose attempts were cut short are released, as if not attempted.
func (d *Dispatcher) Stop(ctx context.Context) {
	defer d.cancel()
	if !d.halt() {
		return
	}
	select {
	case <-d.finished:
	case <-ctx.Done():
		d.cancel()
		<-d.finished
	}
}

// halt tells the loop to end and reports whether there is one.
func (d *Dispatcher) halt() (started bool) {
	d.mu.Lock()
	defer d.mu.Unlock()
	if !d.stopped {
		d.stopped = true
		close(d.stop)
	}
	return d.started
}

func (d *Dispatcher) stopping() bool {
	select {
	case <-d.stop:
		return true
	default:
		return false
	}
}

func (d *Dispatcher) loop() {
	defer close(d.finished)
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		wake, at := d.begin()
		var due <-chan time.Time
		if !at.IsZero() {
			wait := time.Until(at)
			if wait <= 0 {
				wait = 10 * time.Millisecond // the store was not ready when it said: no busy loop
			}
			timer.Reset(wait)
			due = timer.C
		}
		select {
		case r := <-d.ended:
			d.end(r)
		case <-wake:
		case <-due:
		case <-d.stop:
			close(d.retired)
			for d.running > 0 {
				d.end(<-d.ended)
			}
			return
		}
	}
}

// begin begins all attempts that may begin now. More may begin after one has
// ended, after wake has received, if it is not nil, and at a time, if it is not zero.
func (d *Dispatcher) begin() (wake <-chan struct{}, at time.Time) {
	for d.running < d.opts.Workers && !d.closed && !d.stopping() {
		now := time.Now()
		if ok, at := d.health.mayBegin(now); !ok {
			return nil, at
		}
		if now.Before(d.resume) {
			return nil, d.resume
		}
		item, next, err := d.store.Take(now)
		if err != nil {
			d.takeFailed(err, now)
			continue
		}
		d.failures = 0
		if item == nil {
			return d.store.Wake(), next
		}
		d.running++
		d.health.begun(item)
		go d.attemptNow(&run{item: item, began: now})
	}
	return nil, time.Time{}
}

func (d *Dispatcher) takeFailed(err error, now time.Time) {
	d.failures++
	d.resume = now.Add(storeBackoff.wait(d.failures))
	d.closed = errors.Is(err, queue.ErrClosed)
	d.observer.storeFailed(err)
}

// end notes what came of an attempt and gives its item back to the store: the one
// place that does it, once per item.
func (d *Dispatcher) end(r *run) {
	d.running--
	item, result, now := r.item, r.result, time.Now()
	if r.interrupted {
		d.store.Release(item)
		return
	}
	item.Attempts++
	if item.First.IsZero() {
		item.First = r.began
	}
	item.Last, item.LastError = r.began, result.Error

	dead := false
	switch result.Verdict {
	case Delivered:
		d.isUp(now)
		d.observer.attempted(Report{Item: item, Result: result, Outcome: OutcomeDelivered, Took: r.took})
		d.store.Delivered(item)
		return
	case Refused:
		d.isUp(now) // before it waits for its own retry
		item.Refusals++
		dead = item.Refusals >= d.opts.MaxRefusals
	default:
		if d.health.outage(item, result.RetryAfter, now) {
			d.observer.fell()
		}
		dead = now.Sub(item.First) >= d.opts.GiveUpAfter
	}
	if dead {
		d.observer.attempted(Report{Item: item, Result: result, Outcome: OutcomeDead, Took: r.took})
		d.store.Bury(item)
		return
	}
	at := now.Add(d.retry.waitAtLeast(item.Attempts, result.RetryAfter))
	if d.health.down && at.Before(d.health.next) {
		at = d.health.next // so that the next probe is another event, if there is one
	}
	d.observer.attempted(Report{Item: item, Result: result, Outcome: OutcomeRetried, Took: r.took, Next: at})
	d.store.Retry(item, at)
}

// isUp notes that the backend has answered. If it was down, all that wait for it
// are due.
func (d *Dispatcher) isUp(now time.Time) {
	since := d.health.since
	if d.health.answered() {
		d.observer.recovered(now.Sub(since))
		d.store.Hasten()
	}
}
