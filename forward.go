package timcallback

import (
	"context"
	"errors"
	"net/http"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/internal/backend"
	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
)

// forward hands the event to the next handlers and answers Tencent by the outcome.
// received is Tencent's body. With a queue, an event that the handlers do not take is
// stored, and an event is not forwarded while others of its lane wait in the queue, so
// that none overtakes another.
func (h *Handler) forward(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, x *exchange, received []byte) {
	if h.queue == nil {
		h.handOver(w, r, next, x, x.deadline, func(o backend.Outcome) reply { return h.settle(x, o) })
		return
	}
	message := messageOf(r, received) // before other handlers change r
	if h.Queue.Order != OrderNone && h.queue.Has(r.Context(), x.event.Lane()) {
		answer(w, x, h.store(x, &message))
		return
	}
	deadline := x.deadline.Add(-min(storeReserve, time.Duration(h.Timeout)/2))
	h.handOver(w, r, next, x, deadline, func(o backend.Outcome) reply { return h.settleOrStore(x, &message, o) })
}

// handOver hands the event to the next handlers, which have time until the deadline, and
// gives Tencent the answer that settle finds for the outcome.
func (h *Handler) handOver(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, x *exchange, deadline time.Time, settle func(backend.Outcome) reply) {
	backend.Strip(r)
	r.Header.Del("Expect") // the body has arrived already
	h.backend.Prepare(r, x.event.Attributes(), h.backend.Body(&x.event))
	ctx, cancel := context.WithDeadline(r.Context(), deadline)
	defer cancel()
	backend.SetContext(r, ctx)
	substitute := watch(w, x, r.ProtoMajor, deadline.Add(stopGrace), func() reply {
		return settle(backend.Outcome{Late: true, Problem: "the backend did not answer in time, and the handlers did not stop then"})
	})
	outcome := backend.Ask(next, r)
	if substitute.stop() {
		if _, panicked := errors.AsType[*backend.PanicError](outcome.Err); panicked {
			h.logFailed(x, "a handler panicked after Tencent was answered", outcome.Err)
		}
		return
	}
	answer(w, x, settle(outcome))
}

// settle tells what Tencent is answered without a queue.
func (h *Handler) settle(x *exchange, o backend.Outcome) reply {
	if !o.Taken() {
		h.logFailed(x, o.Problem, o.Err)
		return failure(o)
	}
	if e := h.logger.Check(zapcore.DebugLevel, "callback forwarded"); e != nil {
		e.Write(x.identity()...)
	}
	if o.Answer != nil {
		return reply{http.StatusOK, o.Answer}
	}
	return replyOK
}

// failure is the answer for an event that the backend has not taken.
func failure(o backend.Outcome) reply {
	if o.Late {
		return replyBackendLate
	}
	return replyBackendFailed
}

// settleOrStore tells what Tencent is answered with a queue: an event that the backend
// has not taken, or has answered with FAIL, is stored.
func (h *Handler) settleOrStore(x *exchange, m *delivery.Message, o backend.Outcome) reply {
	problem := o.Problem
	switch {
	case o.Fail:
		problem = "the backend answered FAIL"
	case o.Taken():
		return h.settle(x, o)
	}
	stored := h.store(x, m)
	if stored.status == http.StatusOK {
		problem += "; the event is stored and will be delivered later"
	} else {
		problem += "; the event could not be stored either"
	}
	h.logFailed(x, problem, o.Err)
	return stored
}

// logFailed logs that a callback was not forwarded, or not passed on.
func (h *Handler) logFailed(x *exchange, problem string, err error) {
	h.logProblem(x, "callback not forwarded", problem, err)
}

// logProblem logs that something did not happen, and why. A panic is a bug, so its stack is logged.
func (h *Handler) logProblem(x *exchange, what, problem string, err error, more ...zap.Field) {
	level := zapcore.WarnLevel
	panicked, isPanic := errors.AsType[*backend.PanicError](err)
	if isPanic {
		level = zapcore.ErrorLevel
	}
	e := h.logger.Check(level, what)
	if e == nil {
		return
	}
	fields := append([]zap.Field{zap.String("why", problem)}, more...)
	if err != nil {
		fields = append(fields, zap.String("error", x.withoutSign(err.Error())))
	}
	if isPanic {
		fields = append(fields, zap.ByteString("panic_stack", panicked.Stack))
	}
	if x.decoded {
		fields = append(fields, x.identity()...)
	} else {
		fields = append(fields, x.claimed()...)
	}
	e.Write(fields...)
}
