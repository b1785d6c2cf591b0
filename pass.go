package timcallback

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"

	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/internal/backend"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

// pass leaves a verified callback of another command to the next handlers. Their
// answer is not changed, since a callback before an action asks for a decision, which
// must not be invented. If they do not answer, Tencent is answered 502.
func (h *Handler) pass(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, x *exchange) {
	backend.Strip(r)
	ctx, cancel := context.WithDeadline(r.Context(), x.deadline)
	defer cancel()
	backend.SetContext(r, ctx)
	header := w.Header().Clone()
	through := &passWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, ctx: ctx}
	err := backend.Call(next, through, r)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		x.result = recent.UpstreamTimeout // unless they answered all the same
	}

	if through.wrote() {
		x.status = through.status
		if err != nil {
			x.result = cmp.Or(x.result, recent.UpstreamError)
			h.logFailed(x, "the answer broke off", err)
			panic(http.ErrAbortHandler) // the client must not take the answer for a complete one
		}
		x.result = recent.Passed
		if e := h.logger.Check(zapcore.DebugLevel, "callback passed on"); e != nil {
			e.Write(x.claimed()...)
		}
		return
	}
	h.logFailed(x, "no handler after tim_callback answered", err)
	clear(w.Header())
	maps.Copy(w.Header(), header)
	if r.ProtoMajor == 1 {
		// the rest of the body must not be taken for the next request
		w.Header().Set("Connection", "close")
	}
	answer(w, x, replyBackendFailed)
}

// passWriter notes the status with which an answer was begun.
type passWriter struct {
	*caddyhttp.ResponseWriterWrapper
	ctx    context.Context
	status int // 0 if none was
}

func (p *passWriter) wrote() bool { return p.status != 0 }

func (p *passWriter) WriteHeader(status int) {
	if status == backend.StatusClientClosed && p.ctx.Err() != nil {
		return // this is not an answer
	}
	if status >= 200 || status == http.StatusSwitchingProtocols {
		p.status = cmp.Or(p.status, status)
	}
	p.ResponseWriterWrapper.WriteHeader(status)
}

func (p *passWriter) Write(b []byte) (int, error) {
	p.status = cmp.Or(p.status, http.StatusOK)
	return p.ResponseWriterWrapper.Write(b)
}

func (p *passWriter) ReadFrom(r io.Reader) (int64, error) {
	p.status = cmp.Or(p.status, http.StatusOK)
	return p.ResponseWriterWrapper.ReadFrom(r)
}

// Interface guards
var (
	_ http.ResponseWriter = (*passWriter)(nil)
	_ io.ReaderFrom       = (*passWriter)(nil)
)
