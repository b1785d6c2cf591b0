package queues

import (
	"bytes"
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// deliveryGrace is how long the attempts that run may take to end when a
// configuration stops.
const deliveryGrace = 5 * time.Second

// Queue is a queue of one configuration.
type Queue struct {
	spec     Spec
	site     string // whose handler declared it first
	store    *sharedStore
	observer delivery.Observer

	downSince atomic.Int64 // Unix time in nanoseconds, see noteDown

	dispatcher *delivery.Dispatcher // while this configuration delivers
	ended      sync.WaitGroup       // for the attempts that it began
}

// Put stores an event durably. Its errors are those of [queue.Store], or that of ctx.
//
// The store is that of whatever configuration is there now: a request may outlive the
// configuration that it arrived under, and may come before that one has started.
func (q *Queue) Put(ctx context.Context, e queue.Event) (added bool, err error) {
	shared := acquire(q.store.location)
	if store := shared.opened(); store != nil {
		defer shared.release()
		return store.Put(ctx, e)
	}
	// opening a long queue may take longer than Tencent waits
	e.Payload = bytes.Clone(e.Payload)
	type result struct {
		added bool
		err   error
	}
	done := make(chan result, 1)
	go func() {
		defer shared.release()
		store, err := shared.open(&q.spec)
		if err != nil {
			done <- result{false, err}
			return
		}
		added, err := store.Put(ctx, e)
		done <- result{added, err}
	}()
	select {
	case r := <-done:
		return r.added, r.err
	case <-ctx.Done():
		return false, ctx.Err()
	}
}

// Has reports whether events of the key are waiting or in flight. It also returns
// true if that cannot be found out, for example since the store is not open yet.
func (q *Queue) Has(ctx context.Context, key string) bool {
	shared := acquire(q.store.location)
	defer shared.release()
	store := shared.opened()
	if store == nil {
		return true
	}
	has, err := store.Has(ctx, key)
	return has || err != nil
}

// dispatch begins to deliver.
func (q *Queue) dispatch(store queue.Store) {
	store.SetLimits(q.spec.Limits)
	q.downSince.Store(0) // a new dispatcher finds out for itself
	q.dispatcher = delivery.New(store, q.spec.Attempt, q.spec.Delivery, q.noteDown(q.observer))
	q.dispatcher.Start()
}

// retire takes no more events from the store. Attempts that run go on.
func (q *Queue) retire() {
	d := q.dispatcher
	if d == nil {
		return
	}
	q.dispatcher = nil
	d.Retire()
	q.ended.Go(func() {
		ctx, cancel := context.WithTimeout(context.Background(), deliveryGrace)
		defer cancel()
		d.Stop(ctx)
	})
}
