package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Attempt tries once to deliver an event. It must return soon after ctx is done,
// which it is after the timeout or when the dispatcher has to stop; the item is
// not to be changed or kept. A panic counts as an outage.
type Attempt func(ctx context.Context, item *queue.Item) Result

// run is an attempt that was begun.
type run struct {
	item        *queue.Item
	began       time.Time
	took        time.Duration
	result      Result
	interrupted bool // by Stop, so that a failure says nothing
}

// attemptNow runs an attempt and hands it to d.ended, however it ends.
func (d *Dispatcher) attemptNow(r *run) {
	ctx, cancel := context.WithTimeoutCause(d.ctx, d.opts.Timeout, d.late)
	// what is left if the attempt ends its goroutine
	r.result = Result{Error: "the attempt ended without a result"}
	defer func() {
		if p := recover(); p != nil {
			r.result = Result{Error: clean(fmt.Sprintf("panic: %v", p))}
		}
		cancel()
		r.took = time.Since(r.began)
		r.interrupted = r.result.Verdict != Delivered && d.ctx.Err() != nil
		d.ended <- r // has room for all that run
	}()
	r.result = d.attempt(ctx, r.item)
}

// lateError is why an attempt's context is done after its timeout.
type lateError struct{ timeout time.Duration }

func (e *lateError) Error() string { return fmt.Sprintf("no complete response within %v", e.timeout) }

// Unwrap makes it what it is otherwise.
func (e *lateError) Unwrap() error { return context.DeadlineExceeded }

// Timeout marks it as one, as net.Error does.
func (e *lateError) Timeout() bool { return true }
