package delivery

import (
	"context"
	"fmt"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Attempt tries once to deliver an event. It must return soon after ctx is done, which is after
// [Options.Timeout], when [Dispatcher.Stop] cancels the attempt, or when the store has lost the event,
// see [queue.Item.Owned]. It must not change the item, or use it after it has returned. A panic counts
// as an outage.
type Attempt func(ctx context.Context, item *queue.Item) Result

// run is an attempt that has begun.
type run struct {
	item        *queue.Item
	began       time.Time
	took        time.Duration
	result      Result
	interrupted bool // it was cancelled by Stop or by the loss of the event, so the failure does not count
}

// attemptNow runs an attempt and sends it to d.ended, also after a panic.
func (d *Dispatcher) attemptNow(r *run) {
	ctx, cancel := context.WithTimeoutCause(d.ctx, d.opts.Timeout, d.timedOut)
	owned := r.item.Owned
	if owned != nil {
		var lose context.CancelCauseFunc
		ctx, lose = context.WithCancelCause(ctx)
		defer context.AfterFunc(owned, func() { lose(context.Cause(owned)) })()
	}
	// this is the result if the attempt calls runtime.Goexit
	r.result = Result{Error: "the attempt ended without a result"}
	defer func() {
		if p := recover(); p != nil {
			r.result = Result{Error: clean(fmt.Sprintf("panic: %v", p))}
		}
		cancel()
		r.took = time.Since(r.began)
		lost := owned != nil && owned.Err() != nil
		r.interrupted = r.result.Verdict != Delivered && (lost || d.ctx.Err() != nil)
		d.ended <- r // this never blocks: the channel has room for all attempts
	}()
	r.result = d.attempt(ctx, r.item)
}

// timeoutError is the cause of an attempt's context that is done because of the timeout.
type timeoutError struct{ timeout time.Duration }

func (e *timeoutError) Error() string {
	return fmt.Sprintf("no complete response within %v", e.timeout)
}

// Unwrap makes it a [context.DeadlineExceeded], as for other contexts with a timeout.
func (e *timeoutError) Unwrap() error { return context.DeadlineExceeded }

// Timeout marks the error as a timeout, as for a net.Error.
func (e *timeoutError) Timeout() bool { return true }
