// Package delivery takes events from a [queue.Store] and delivers them. It tries failed events
// again, keeps the order of the events with the same key, and sends little to a backend that is
// down.
package delivery

import (
	"context"
	"errors"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Dispatcher delivers the events of a store. A store must have only one dispatcher at a time. One
// goroutine makes all decisions. It sleeps until an attempt ends, or an event is put or becomes due.
type Dispatcher struct {
	store    queue.Store
	attempt  Attempt
	opts     Options
	observer Observer
	retry    backoff
	timedOut *timeoutError

	ctx      context.Context // the context of all attempts
	cancel   context.CancelFunc
	ended    chan *run
	stop     chan struct{} // closed by Retire and Stop
	retired  chan struct{} // closed when no more events will be taken from the store
	finished chan struct{} // closed when all attempts have ended

	mu      sync.Mutex // protects the next two
	started bool
	stopped bool

	// only the goroutine of loop uses the following
	began    time.Time
	running  int
	clock    clock
	health   health
	failures int       // how often Take has failed in a row
	failed   time.Time // when it failed last
	resume   time.Time // Take is not called before then
	closed   bool      // whether the store is closed
}

// storeBackoff is how long the dispatcher waits after Take has failed.
var storeBackoff = backoff{100 * time.Millisecond, 10 * time.Second}

// New returns a dispatcher that takes events from store, delivers them with attempt and reports to
// observer. It does nothing until Start is called.
func New(store queue.Store, attempt Attempt, opts Options, observer Observer) *Dispatcher {
	opts = opts.withDefaults()
	opts.RetryMax = max(opts.RetryMax, opts.RetryMin)
	retry := backoff{opts.RetryMin, opts.RetryMax}
	ctx, cancel := context.WithCancel(context.Background())
	began := time.Now()
	return &Dispatcher{
		began:    began,
		clock:    clock{start: began.Round(0), longest: opts.RetryMax + opts.Timeout},
		store:    store,
		attempt:  attempt,
		opts:     opts,
		observer: observer,
		retry:    retry,
		timedOut: &timeoutError{opts.Timeout},
		ctx:      ctx,
		cancel:   cancel,
		ended:    make(chan *run, opts.Workers),
		stop:     make(chan struct{}),
		retired:  make(chan struct{}),
		finished: make(chan struct{}),
		health:   health{pace: retry},
	}
}

// Start starts the dispatcher. If it is called again, or after Retire or Stop, it does nothing.
func (d *Dispatcher) Start() {
	d.mu.Lock()
	defer d.mu.Unlock()
	if d.started || d.stopped {
		return
	}
	d.started = true
	go d.loop()
}

// Retire stops taking events. When it returns, another dispatcher can take over the store. The
// attempts under way go on, until they end by themselves or by a call of Stop.
func (d *Dispatcher) Retire() {
	if d.halt() {
		<-d.retired
	}
}

// Stop stops the dispatcher for good. It stops taking events and waits for the attempts under way.
// When ctx is done it cancels the attempts that are left, and waits until they have ended. Events
// whose attempts were cancelled are released, and these attempts are not counted.
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

// halt tells the loop to end, and reports whether it was ever started.
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
		wake, at := d.beginAttempts()
		var due <-chan time.Time
		if !at.IsZero() {
			wait := time.Until(at)
			if wait <= 0 {
				wait = 10 * time.Millisecond // the event is not there at its time: this prevents a busy loop
			}
			timer.Reset(wait)
			due = timer.C
		}
		select {
		case r := <-d.ended:
			d.endAttempt(r)
		case <-wake:
			// if Take has failed, it may succeed now
			if soon := d.failed.Add(storeBackoff.min); soon.Before(d.resume) {
				d.resume = soon
			}
		case <-due:
		case <-d.stop:
			close(d.retired)
			for d.running > 0 {
				d.endAttempt(<-d.ended)
			}
			return
		}
	}
}

// earlier returns the earlier one of two times. It ignores a time that is zero.
func earlier(a, b time.Time) time.Time {
	if a.IsZero() || !b.IsZero() && b.Before(a) {
		return b
	}
	return a
}

// beginAttempts starts all attempts that may start now. It must be called again when an attempt has
// ended, when wake has received (unless it is nil), and at the time at (unless it is zero).
func (d *Dispatcher) beginAttempts() (wake <-chan struct{}, at time.Time) {
	for d.running < d.opts.Workers && !d.closed && !d.stopping() {
		now := time.Now()
		may, until := d.health.mayBegin(now)
		if may == noEvent {
			return nil, until
		}
		if now.Before(d.resume) {
			return d.store.Wake(), d.resume
		}
		item, next, err := d.take(now, may)
		if err != nil {
			d.takeFailed(err, now)
			continue
		}
		d.failures = 0
		if item == nil {
			return d.store.Wake(), earlier(next, until)
		}
		d.running++
		d.health.begun(item)
		go d.attemptNow(&run{item: item, began: now})
	}
	return nil, time.Time{}
}

// take takes an event. While the backend is down it prefers events of keys that had no failures.
func (d *Dispatcher) take(now time.Time, may permission) (item *queue.Item, next time.Time, err error) {
	if d.health.down {
		item, next, err = d.store.Take(now, d.health.failed...)
		if item != nil || err != nil || may == freshEvent {
			return item, next, err
		}
	}
	return d.store.Take(now)
}

func (d *Dispatcher) takeFailed(err error, now time.Time) {
	d.failures++
	d.failed = now
	d.resume = now.Add(storeBackoff.wait(d.failures))
	d.closed = errors.Is(err, queue.ErrClosed)
	d.observer.storeFailed(err)
}

// endAttempt reports the outcome of an attempt to the observer and to the store. It is called once
// for each item, and nothing else does this.
func (d *Dispatcher) endAttempt(r *run) {
	d.running--
	item, result, now := r.item, r.result, time.Now()
	if r.interrupted {
		d.health.interrupted(item)
		d.store.Release(item)
		return
	}
	d.clock.read(now, now.Sub(d.began))
	d.clock.correct(item)
	item.Attempts++
	if item.First.IsZero() {
		item.First = r.began.Round(0)
	}
	item.Last, item.LastError = r.began.Round(0), result.Error
	item.Note(queue.Attempt{At: item.Last, Took: r.took, Error: result.Error, Answer: result.Answer})

	if result.Verdict == Delivered {
		d.isUp(now)
		d.observer.attempted(Report{Item: item, Result: result, Outcome: OutcomeDelivered, Took: r.took})
		d.store.Delivered(item)
		return
	}
	if d.health.fail(item, result.RetryAfter, now) {
		d.observer.wentDown()
	}
	if d.givesUp(item, result.Verdict, now) {
		d.observer.attempted(Report{Item: item, Result: result, Outcome: OutcomeDead, Took: r.took})
		d.store.Bury(item)
		return
	}
	at := now.Add(d.retry.waitAtLeast(item.Attempts, result.RetryAfter))
	if d.health.down && at.Before(d.health.any.next) {
		at = d.health.any.next // so that the next probe is another event, if there is one that is due
	}
	d.observer.attempted(Report{Item: item, Result: result, Outcome: OutcomeRetried, Took: r.took, Next: at})
	d.store.Retry(item, at)
}

// givesUp reports whether an event that could not be delivered becomes a dead letter. While the
// backend takes no events at all, refusals do not count: they say nothing about the single event.
func (d *Dispatcher) givesUp(item *queue.Item, verdict Verdict, now time.Time) bool {
	if verdict == Refused && !d.health.down {
		item.Refusals++
		return item.Refusals >= d.opts.MaxRefusals
	}
	return now.Round(0).Sub(item.First) >= d.opts.GiveUpAfter
}

// isUp is called when the backend has taken an event. If the backend was down, all events that wait
// for a retry become due.
func (d *Dispatcher) isUp(now time.Time) {
	since := d.health.since
	if d.health.delivered() {
		d.observer.recovered(now.Sub(since))
		d.store.Hasten()
	}
}
