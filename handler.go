package timcallback

import (
	"bytes"
	"errors"
	"net/http"
	"sync"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/event"
)

// ServeHTTP verifies a callback, normalizes it and answers Tencent. It returns nil
// after every answer, since Caddy would answer an error with another one.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	now := time.Now()
	x := &exchange{began: now, deadline: now.Add(time.Duration(h.Timeout))}
	x.clientIP, _ = caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	defer x.count()
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(x.placeholder)
	}
	// this also limits how long the server waits for the rest of a refused request;
	// response writers of tests may not support it
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(x.deadline)

	if err := h.verify(r, x, now); err != nil {
		h.refuse(w, x, err)
		return nil
	}
	if !h.takes(x.query.Command) {
		if h.OtherCommands == OtherPass {
			h.pass(w, r, next, x)
		} else {
			h.refuse(w, x, &callback.Error{Reason: callback.ReasonCommand})
		}
		return nil
	}
	buf := buffers.Get().(*bytes.Buffer)
	defer returnBuffer(buf)
	err := h.readBody(w, r, buf)
	if err == nil {
		x.event, err = event.Decode(&x.query, x.rawQuery, buf.Bytes())
	}
	if err != nil {
		h.refuse(w, x, err)
		return nil
	}
	x.decoded = true
	command, _ := callback.Lookup(x.query.Command)
	decision := command.Kind == callback.Decision
	if decision || h.Answer == AnswerForward {
		// bytes that arrive on the connection from now on are the next request, and
		// must not end this one; an answer at once leaves that to the server
		_ = rc.SetReadDeadline(time.Time{})
	}
	switch {
	case decision:
		h.decide(w, r, next, x)
	case h.Answer == AnswerForward:
		h.forward(w, r, next, x, buf.Bytes())
	case h.queue != nil:
		h.enqueue(w, r, x, buf.Bytes())
	default:
		h.acknowledge(w, x)
	}
	return nil
}

// verify makes the checks that do not need the body, in the documented order.
func (h *Handler) verify(r *http.Request, x *exchange, now time.Time) error {
	err := h.verifyConnection(r)
	// the query is read even if that fails, so that the log can say what was claimed
	x.rawQuery = r.URL.RawQuery
	query, queryErr := callback.ParseQuery(x.rawQuery)
	x.query = query
	switch {
	case err != nil:
		return err
	case queryErr != nil:
		return queryErr
	}
	if err := h.verifier.Verify(query, now); err != nil {
		return err
	}
	if !query.IsJSON() {
		return &callback.Error{Reason: callback.ReasonContentType}
	}
	return nil
}

func (h *Handler) verifyConnection(r *http.Request) error {
	reason := callback.Reason("")
	switch {
	case !h.AllowHTTP && !isHTTPS(r):
		reason = callback.ReasonPlainHTTP
	case isEarlyData(r):
		reason = callback.ReasonEarlyData
	case r.Method != http.MethodPost:
		reason = callback.ReasonMethod
	case h.RequireClientCert && (r.TLS == nil || len(r.TLS.VerifiedChains) == 0):
		reason = callback.ReasonClientCert
	default:
		return nil
	}
	return &callback.Error{Reason: reason}
}

// isHTTPS reports whether the client used TLS: to Caddy itself, or to a trusted proxy
// that says so.
func isHTTPS(r *http.Request) bool {
	if proto, ok := r.Header["X-Forwarded-Proto"]; ok && fromTrustedProxy(r) {
		return len(proto) == 1 && proto[0] == "https"
	}
	return r.TLS != nil
}

// isEarlyData reports whether the request may have been replayed (RFC 8470).
func isEarlyData(r *http.Request) bool {
	if r.TLS != nil && !r.TLS.HandshakeComplete {
		return true
	}
	_, ok := r.Header["Early-Data"] // "1" is its only value, and any other one means the same
	return ok && fromTrustedProxy(r)
}

func fromTrustedProxy(r *http.Request) bool {
	trusted, _ := caddyhttp.GetVar(r.Context(), caddyhttp.TrustedProxyVarKey).(bool)
	return trusted
}

var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// returnBuffer makes a buffer available to other requests, unless it is a large one.
func returnBuffer(buf *bytes.Buffer) {
	if buf.Cap() <= 2*DefaultMaxBody {
		buffers.Put(buf)
	}
}

// readBody reads the whole body into buf, which never holds more than MaxBody.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request, buf *bytes.Buffer) error {
	buf.Reset()
	if r.ContentLength > h.MaxBody {
		return &callback.Error{Reason: callback.ReasonTooLarge}
	}
	if n := r.ContentLength; n > 0 {
		buf.Grow(int(n) + bytes.MinRead) // so that reading does not grow it again
	}
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, h.MaxBody))
	if err == nil {
		return nil
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return &callback.Error{Reason: callback.ReasonTooLarge}
	}
	return &callback.Error{Reason: callback.ReasonBodyRead}
}
