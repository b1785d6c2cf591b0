package timcallback

import (
	"net"
	"net/http"
	"slices"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// storeReserve is the part of the budget that is kept for storing an event that the
// next handlers do not take.
const storeReserve = 300 * time.Millisecond

// enqueue stores the event and answers Tencent.
func (h *Handler) enqueue(w http.ResponseWriter, r *http.Request, x *exchange, received []byte) {
	message := messageOf(r, received)
	answer(w, x, h.store(x, &message))
}

// payloads are used again, since a store keeps none.
var payloads = sync.Pool{New: func() any { return new([]byte) }}

// store stores an event and tells what Tencent is answered: OK only once the event is
// on stable storage. Storing does not stop when Tencent hangs up.
func (h *Handler) store(x *exchange, m *delivery.Message) reply {
	ctx := &storing{deadline: x.deadline}
	defer ctx.end()
	payload := payloads.Get().(*[]byte)
	defer payloads.Put(payload)
	*payload = m.Append((*payload)[:0])
	id := x.event.ID()
	key := id
	if h.Queue.Order != OrderNone {
		key = x.event.Lane()
	}
	x.queue = h.Queue.Name
	added, err := h.queue.Put(ctx, queue.Event{ID: id, Key: key, Payload: *payload})
	if err != nil {
		if e := h.logger.Check(zapcore.WarnLevel, "callback not stored"); e != nil {
			e.Write(append(x.identity(), zap.String("queue", h.Queue.Name), zap.Error(err))...)
		}
		return replyNotStored
	}
	x.stored, x.duplicate = added, !added
	if e := h.logger.Check(zapcore.DebugLevel, "callback stored"); e != nil {
		e.Write(append(x.identity(), zap.String("queue", h.Queue.Name), zap.Bool("duplicate", !added))...)
	}
	return replyOK
}

// messageOf returns what a queue keeps of a callback: the request as it was received,
// without the parameters that authenticate it.
func messageOf(r *http.Request, received []byte) delivery.Message {
	return delivery.Message{
		Host:       r.Host,
		URI:        r.URL.EscapedPath(),
		RawQuery:   r.URL.RawQuery,
		RemoteAddr: clientAddr(r),
		Header:     storedHeader(r.Header),
		Body:       received,
	}
}

// plainHeader is what most messages have, so they share it.
var plainHeader = http.Header{"Content-Type": {"application/json"}}

// storedHeader returns the headers of a request that are kept. It must not be changed.
func storedHeader(received http.Header) http.Header {
	if received["Traceparent"] == nil && received["Tracestate"] == nil {
		switch contentType := received["Content-Type"]; {
		case len(contentType) == 0:
			return nil
		case len(contentType) == 1 && contentType[0] == plainHeader["Content-Type"][0]:
			return plainHeader
		}
	}
	kept := make(http.Header, 3)
	for _, name := range []string{"Content-Type", "Traceparent", "Tracestate"} {
		if values, ok := received[name]; ok {
			kept[name] = slices.Clone(values) // other handlers may change them
		}
	}
	return kept
}

// clientAddr is the client's address as Caddy sees it, with a port.
func clientAddr(r *http.Request) string {
	client, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	if client == "" {
		return r.RemoteAddr
	}
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil && client == host {
		return r.RemoteAddr
	}
	return net.JoinHostPort(client, "0") // the port is that of a proxy in between
}
