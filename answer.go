package timcallback

import (
	"cmp"
	"errors"
	"net/http"
	"strconv"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

// reply is an answer for Tencent.
type reply struct {
	status int
	body   []byte // a callback answer
}

// The replies that do not depend on the request.
var (
	replyOK            = reply{http.StatusOK, callback.OK().JSON()}
	replyBackendFailed = reply{http.StatusBadGateway, callback.Fail("the backend did not take the callback").JSON()}
	replyBackendLate   = reply{http.StatusGatewayTimeout, callback.Fail("the backend did not answer in time").JSON()}
	replyNotStored     = reply{http.StatusServiceUnavailable, callback.Fail("the callback could not be stored").JSON()}
)

// answer answers Tencent when the handler is about to return.
func answer(w http.ResponseWriter, x *exchange, with reply) {
	delete(w.Header(), "Content-Length") // the server sets it
	write(w, x, with)
}

// answerNow answers Tencent completely while the handler still runs.
func answerNow(w http.ResponseWriter, x *exchange, with reply) {
	w.Header().Set("Content-Length", strconv.Itoa(len(with.body)))
	write(w, x, with)
	_ = http.NewResponseController(w).Flush()
	x.count()
}

// write is the only place that writes to Tencent.
func write(w http.ResponseWriter, x *exchange, with reply) {
	x.result, x.status = cmp.Or(x.result, resultOf(with.status)), with.status
	w.Header()["Content-Type"] = []string{"application/json"} // a new slice: other handlers may change it
	w.WriteHeader(with.status)
	_, _ = w.Write(with.body) // fails for a client that has hung up
}

// refuse answers and logs a request that is not taken.
func (h *Handler) refuse(w http.ResponseWriter, x *exchange, err error) {
	refusal, ok := errors.AsType[*callback.Error](err)
	if !ok {
		refusal = &callback.Error{Reason: callback.ReasonBadBody}
	}
	x.reason, x.detail, x.result = refusal.Reason, refusal.Detail, recent.Result(refusal.Reason)
	if e := h.logger.Check(zapcore.InfoLevel, "callback refused"); e != nil {
		e.Write(append(x.claimed(),
			zap.String("reason", string(refusal.Reason)),
			zap.String("detail", refusal.Detail),
			zap.String("client_ip", x.clientIP),
		)...)
	}
	if refusal.Reason == callback.ReasonMethod {
		w.Header().Set("Allow", http.MethodPost)
	}
	answer(w, x, reply{refusal.Reason.Status(), callback.Fail(refusal.Error()).JSON()})
}

// acknowledge answers OK. The log line is all that is kept of the callback.
func (h *Handler) acknowledge(w http.ResponseWriter, x *exchange) {
	if e := h.logger.Check(zapcore.InfoLevel, "callback acknowledged, and kept nowhere but here"); e != nil {
		e.Write(x.identity()...)
	}
	answer(w, x, replyOK)
}
