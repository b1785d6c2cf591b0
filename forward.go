package timcallback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// forward hands the event to the handlers after this one, and answers with what
// came of it. With a queue, what fails is stored. received is
// Tencent's body.
func (h *Handler) forward(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, c *callback, received []byte) {
	body := h.backendBody(c.event, received)
	deadline := c.deadline
	var stored *delivery.Message
	if h.Queue != nil {
		stored = h.message(r, c.event, body) // before others change r
		budget := time.Duration(h.Timeout)
		deadline = deadline.Add(-min(storeReserve, budget/2))
	}
	requestCtx := r.Context()
	fallBack := func() (status int, body []byte) { return h.enqueue(c, stored) }
	if h.Queue != nil && h.declared.has(queueKey(c.event)) {
		// nothing may overtake what waits for this user
		status, reply := fallBack()
		answer(w, c, status, reply)
		return
	}

	h.enrich(r, c.event, body)
	ctx, cancel := context.WithDeadline(requestCtx, deadline)
	defer cancel()
	replaceContext(r, ctx)
	late := watch(w, c, r.ProtoMajor, deadline.Add(lateGrace), func() (int, []byte) {
		if h.Queue != nil {
			return fallBack()
		}
		return http.StatusGatewayTimeout, answerBackendLate
	})
	backend := newBackendWriter()
	err := call(next, backend, r)
	if late.stop() {
		h.logFailed(c, "the backend did not answer in time, nor stop when told to", err)
		return
	}

	status, reply, why := backend.verdict(err)
	if status == http.StatusBadGateway && errors.Is(ctx.Err(), context.DeadlineExceeded) && !backend.refused() {
		status, reply, why = http.StatusGatewayTimeout, answerBackendLate, "the backend did not answer in time"
	}
	if h.Queue != nil && status == http.StatusOK && bytes.Contains(reply, []byte(profile.StatusFail)) {
		if a, err := profile.ParseAnswer(reply); err == nil && a.ActionStatus == profile.StatusFail {
			status, why = http.StatusBadGateway, "the backend answered FAIL"
		}
	}
	switch {
	case status == http.StatusOK:
		if e := h.logger.Check(zapcore.DebugLevel, "callback forwarded"); e != nil {
			e.Write(c.identity()...)
		}
	case h.Queue != nil:
		h.logFailed(c, why+"; it is stored to be delivered later", err)
		status, reply = fallBack()
	default:
		h.logFailed(c, why, err)
	}
	answer(w, c, status, reply)
}

// logFailed logs a forward that failed. An error may quote the request's URL,
// and so the Sign, which must not get into a log.
func (h *Handler) logFailed(c *callback, why string, err error) {
	level := zapcore.WarnLevel
	panicked, isPanic := errors.AsType[*panicError](err)
	if isPanic {
		level = zapcore.ErrorLevel
	}
	e := h.logger.Check(level, "callback not forwarded")
	if e == nil {
		return
	}
	fields := []zap.Field{zap.String("why", why)}
	if err != nil {
		text := err.Error()
		if c.query.Sign != "" {
			text = strings.ReplaceAll(text, c.query.Sign, "REDACTED")
		}
		fields = append(fields, zap.String("error", text))
	}
	if isPanic {
		fields = append(fields, zap.ByteString("panic_stack", panicked.stack))
	}
	if c.event != nil {
		fields = append(fields, c.identity()...)
	} else {
		fields = append(fields, zap.String("sdk_appid", c.query.SDKAppID), zap.String("command", loggable(c.query.Command)))
	}
	e.Write(fields...)
}

// backendBody is what the backend is to get of a callback.
func (h *Handler) backendBody(e *profile.Event, received []byte) []byte {
	if h.Body == BodyNormalized {
		return e.AppendJSON(make([]byte, 0, len(received)+256))
	}
	// the buffer is used again, and a transport may read on after the backend has answered
	return bytes.Clone(received)
}

// enrich turns r, in place, into what the backend is to get.
func (h *Handler) enrich(r *http.Request, e *profile.Event, body []byte) {
	stripForged(r)
	e.SetHeaders(r.Header)
	if h.Body == BodyNormalized {
		r.Header.Set("Content-Type", "application/json")
		r.Header.Del("Content-Encoding")
	}
	if len(h.secrets) > 0 {
		profile.SignWebhook(r.Header, e.ID(), time.Now(), body, h.secrets...)
	}
	r.Header.Del("Expect") // the body is here already
	setBody(r, body)
}

// stripForged removes what only this handler may say. Trailers go as a whole:
// Tencent sends none, and they arrive after the headers were looked at.
func stripForged(r *http.Request) {
	profile.StripHeaders(r.Header)
	r.Header.Del("Trailer")
	r.Trailer = nil
}

// replaceContext sets r's context in place, since placeholders are bound to r
// itself. It stays: a transport may still be reading r when its handler has returned.
func replaceContext(r *http.Request, ctx context.Context) { *r = *r.WithContext(ctx) }

// call runs next and turns a panic into an error: Tencent gets an answer even so.
// http.ErrAbortHandler is how reverse_proxy says that a body broke off.
func call(next caddyhttp.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = http.ErrAbortHandler
		default:
			err = &panicError{p, debug.Stack()}
		}
	}()
	err = next.ServeHTTP(w, r)
	if handlerErr, ok := errors.AsType[caddyhttp.HandlerError](err); ok && handlerErr.Err != nil {
		err = handlerErr.Err // without where in Caddy it arose
	}
	return err
}

// panicError is a panic that is no way of ending a request, but a bug of a handler's.
type panicError struct {
	value any
	stack []byte
}

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }
