package timcallback

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// lateGrace is how long handlers that obey the request's context have, once the
// budget is spent, to say so themselves.
const lateGrace = 50 * time.Millisecond

// forward hands the event to the handlers after this one, and answers with what
// came of it. original is the body that was received.
func (h *Handler) forward(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler, c *callback, original []byte) {
	h.enrich(r, c.event, original)

	ctx, cancel := context.WithDeadline(r.Context(), c.deadline)
	defer cancel()
	restore := replaceContext(r, ctx)
	late := watch(w, r.ProtoMajor, c.deadline.Add(lateGrace))
	backend := newBackendWriter()
	err := call(next, backend, r)
	restore()
	if late.stop() {
		h.logFailed(c, "the backend did not answer in time, nor stop when told to", err)
		return
	}

	status, body, why := backend.verdict(err)
	if status == http.StatusBadGateway && errors.Is(ctx.Err(), context.DeadlineExceeded) && !backend.refused() {
		status, body, why = http.StatusGatewayTimeout, answerBackendLate, "the backend did not answer in time"
	}
	if status != http.StatusOK {
		h.logFailed(c, why, err)
	} else if e := h.logger.Check(zapcore.DebugLevel, "callback forwarded"); e != nil {
		e.Write(c.identity()...)
	}
	answer(w, status, body)
}

// logFailed logs a forward that failed. An error may quote the request's URL,
// and so the Sign, which must not get into a log.
func (h *Handler) logFailed(c *callback, why string, err error) {
	e := h.logger.Check(zapcore.WarnLevel, "callback not forwarded")
	if e == nil {
		return
	}
	fields := []zap.Field{zap.String("why", why)}
	if err != nil {
		if handlerErr, ok := errors.AsType[caddyhttp.HandlerError](err); ok && handlerErr.Err != nil {
			err = handlerErr.Err
		}
		text := err.Error()
		if c.query.Sign != "" {
			text = strings.ReplaceAll(text, c.query.Sign, "REDACTED")
		}
		fields = append(fields, zap.String("error", text))
	}
	if c.event != nil {
		fields = append(fields, c.identity()...)
	} else {
		fields = append(fields, zap.String("sdk_appid", c.query.SDKAppID), zap.String("command", loggable(c.query.Command)))
	}
	e.Write(fields...)
}

// enrich turns r, in place, into what the backend is to get.
func (h *Handler) enrich(r *http.Request, e *profile.Event, original []byte) {
	stripForged(r)
	e.SetHeaders(r.Header)
	body := original
	if h.Body == BodyNormalized {
		body = e.AppendJSON(make([]byte, 0, len(original)+256))
		r.Header.Set("Content-Type", "application/json")
		r.Header.Del("Content-Encoding")
	} else {
		// the buffer is used again, and a transport may read on after the backend has answered
		body = bytes.Clone(original)
	}
	if len(h.secrets) > 0 {
		profile.SignWebhook(r.Header, e.ID, time.Now(), body, h.secrets...)
	}
	r.Header.Set("Accept-Encoding", "identity") // so that the answer can be read
	r.Header.Del("Expect")                      // the body is here already
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	r.ContentLength = int64(len(body))
	r.TransferEncoding = nil
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
}

// stripForged removes what only this handler may say. Trailers go as a whole:
// Tencent sends none, and they arrive after the headers were looked at.
func stripForged(r *http.Request) {
	profile.StripHeaders(r.Header)
	r.Header.Del("Trailer")
	r.Trailer = nil
}

// replaceContext sets r's context in place, since placeholders are bound to r
// itself, and returns what sets the former one again.
func replaceContext(r *http.Request, ctx context.Context) (restore func()) {
	former := r.Context()
	*r = *r.WithContext(ctx)
	return func() { *r = *r.WithContext(former) }
}

// call runs next and turns a panic into an error: Tencent gets an answer even so.
// http.ErrAbortHandler is how reverse_proxy says that a body broke off.
func call(next caddyhttp.Handler, w http.ResponseWriter, r *http.Request) (err error) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			err = http.ErrAbortHandler
		default:
			err = &panicError{p}
		}
	}()
	return next.ServeHTTP(w, r)
}

type panicError struct{ value any }

func (e *panicError) Error() string { return fmt.Sprintf("panic: %v", e.value) }

// lateAnswer answers in place of handlers that go on past the deadline although
// their context is done (reverse_proxy between its tries, a FastCGI backend). Over
// HTTP/1 the answer is then complete for the client; HTTP/2 and HTTP/3 carry it
// in time too, but end the stream only with the handler.
type lateAnswer struct {
	mu    sync.Mutex
	timer *time.Timer
	over  bool // by either side
	given bool
}

func watch(w http.ResponseWriter, protoMajor int, at time.Time) *lateAnswer {
	late := new(lateAnswer)
	late.mu.Lock() // the timer may fire at once
	defer late.mu.Unlock()
	late.timer = time.AfterFunc(time.Until(at), func() {
		late.mu.Lock()
		defer late.mu.Unlock()
		if late.over {
			return
		}
		late.over, late.given = true, true
		header := w.Header()
		header.Set("Content-Type", "application/json")
		header.Set("Content-Length", strconv.Itoa(len(answerBackendLate)))
		if protoMajor == 1 {
			header.Set("Connection", "close") // the next request on it would have to wait
		}
		w.WriteHeader(http.StatusGatewayTimeout)
		_, _ = w.Write(answerBackendLate)
		_ = http.NewResponseController(w).Flush()
	})
	return late
}

// stop ends the watch and reports whether the answer was given.
func (l *lateAnswer) stop() (given bool) {
	l.timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	return l.given
}
