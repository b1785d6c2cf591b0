package timcallback

import (
	"cmp"
	"context"
	"errors"
	"io"
	"maps"
	"net/http"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// pass leaves a verified callback of another command to the handlers after this
// one. Their answer is not touched: a callback before an action asks for a
// decision, which must not be invented. Without an answer it is a failure.
func (h *Handler) pass(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, c *callback) {
	stripForged(r)
	ctx, cancel := context.WithDeadline(r.Context(), c.deadline)
	defer cancel()
	replaceContext(r, ctx)
	header := w.Header().Clone()
	through := &passWriter{ResponseWriterWrapper: &caddyhttp.ResponseWriterWrapper{ResponseWriter: w}, ctx: ctx}
	err := call(next, through, r)
	if errors.Is(ctx.Err(), context.DeadlineExceeded) {
		c.result = resultUpstreamTimeout // unless it passed all the same
	}

	if through.wrote {
		if err != nil {
			c.result = cmp.Or(c.result, resultUpstreamError)
			h.logFailed(c, "the answer broke off", err)
			panic(http.ErrAbortHandler) // the client must not take it for a whole one
		}
		c.result = resultPassed
		if e := h.logger.Check(zapcore.DebugLevel, "callback passed on"); e != nil {
			e.Write(zap.String("sdk_appid", c.query.SDKAppID), zap.String("command", c.query.Command))
		}
		return
	}
	h.logFailed(c, "no handler after tim_callback answered", err)
	clear(w.Header())
	maps.Copy(w.Header(), header)
	if r.ProtoMajor == 1 {
		// what is left of the body must not be taken for the next request
		w.Header().Set("Connection", "close")
	}
	answer(w, c, http.StatusBadGateway, answerBackendFailed)
}

// passWriter notes whether an answer was begun.
type passWriter struct {
	*caddyhttp.ResponseWriterWrapper
	ctx   context.Context
	wrote bool
}

// statusClientClosed is what reverse_proxy writes, with no body, when the request
// was cancelled.
const statusClientClosed = 499

func (p *passWriter) WriteHeader(status int) {
	if status == statusClientClosed && p.ctx.Err() != nil {
		return // it is no answer
	}
	p.wrote = p.wrote || status >= 200 || status == http.StatusSwitchingProtocols
	p.ResponseWriterWrapper.WriteHeader(status)
}

func (p *passWriter) Write(b []byte) (int, error) {
	p.wrote = true
	return p.ResponseWriterWrapper.Write(b)
}

func (p *passWriter) ReadFrom(r io.Reader) (int64, error) {
	p.wrote = true
	return p.ResponseWriterWrapper.ReadFrom(r)
}

// Interface guards
var (
	_ http.ResponseWriter = (*passWriter)(nil)
	_ io.ReaderFrom       = (*passWriter)(nil)
)
