package timcallback

import (
	"bytes"
	"context"
	"net/http"
	"strconv"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/profile"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// storeReserve is what of the budget is left for storing an event whose forward fails.
const storeReserve = 300 * time.Millisecond

var answerNotStored = profile.Fail("the callback could not be stored").JSON()

// queueKey is whose events are kept in order: those of one user of one app.
func queueKey(e *profile.Event) string {
	key := strconv.AppendUint(make([]byte, 0, 64), e.SDKAppID, 10)
	return string(append(append(key, '/'), e.FromAccount...))
}

// payloads are used again: a store keeps none.
var payloads = sync.Pool{New: func() any { return new([]byte) }}

// enqueue stores an event and says what to answer. It is OK only once the event is
// on stable storage. Storing does not stop when Tencent hangs up.
func (h *Handler) enqueue(c *callback, m *delivery.Message) (status int, body []byte) {
	ctx, cancel := context.WithDeadline(context.Background(), c.deadline)
	defer cancel()
	payload := payloads.Get().(*[]byte)
	defer payloads.Put(payload)
	*payload = m.Append((*payload)[:0])
	added, err := h.declared.put(ctx, queue.Event{ID: c.event.ID(), Key: queueKey(c.event), Payload: *payload})
	if err != nil {
		if e := h.logger.Check(zapcore.WarnLevel, "callback not stored"); e != nil {
			e.Write(append(c.identity(), zap.String("queue", h.Queue.Name), zap.Error(err))...)
		}
		return http.StatusServiceUnavailable, answerNotStored
	}
	if e := h.logger.Check(zapcore.DebugLevel, "callback stored"); e != nil {
		e.Write(append(c.identity(), zap.String("queue", h.Queue.Name), zap.Bool("duplicate", !added))...)
	}
	return http.StatusOK, answerOK
}

// put stores an event, in the store of whatever configuration is there now: a
// request may outlive the one that it came in under, and come before it is started.
func (d *declaredQueue) put(ctx context.Context, e queue.Event) (added bool, err error) {
	shared := useQueue(d.shared.location)
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
		store, err := shared.open(d.queue)
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

// has reports whether events of the key wait or are in flight.
func (d *declaredQueue) has(key string) bool {
	shared := useQueue(d.shared.location)
	defer shared.release()
	store := shared.opened()
	return store == nil || store.Has(key) // nobody knows what is in one that is not open yet
}
