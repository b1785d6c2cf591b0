package timcallback

import (
	"bytes"
	"cmp"
	"errors"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"time"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// callback is one request on its way through the handler.
type callback struct {
	query    profile.Query
	event    *profile.Event // nil until decoded
	reason   profile.Reason // "" unless refused
	began    time.Time
	deadline time.Time
	result   result // once it is answered
	counted  bool
}

// ServeHTTP verifies a callback, normalizes it and answers Tencent. It returns
// nil after every answer: an error would let Caddy write another one.
func (h *Handler) ServeHTTP(w http.ResponseWriter, r *http.Request, next caddyhttp.Handler) error {
	now := time.Now()
	c := &callback{began: now, deadline: now.Add(time.Duration(h.Timeout))}
	defer c.count()
	if repl, ok := r.Context().Value(caddy.ReplacerCtxKey).(*caddy.Replacer); ok {
		repl.Map(c.placeholder)
	}
	// also bounds how long the server waits for the rest of a refused request;
	// writers that cannot do it (in tests) go without
	rc := http.NewResponseController(w)
	_ = rc.SetReadDeadline(c.deadline)

	if err := h.verify(r, c, now); err != nil {
		h.refuse(w, r, c, err)
		return nil
	}
	if c.query.Command != profile.Command {
		if h.OtherCommands == OtherPass {
			h.pass(w, r, next, c)
		} else {
			h.refuse(w, r, c, &profile.Error{Reason: profile.ReasonCommand})
		}
		return nil
	}
	buf := bodies.Get().(*bytes.Buffer)
	defer returnBody(buf)
	err := h.readBody(w, r, buf)
	if err == nil {
		c.event, err = profile.Decode(c.query, buf.Bytes())
	}
	if err != nil {
		h.refuse(w, r, c, err)
		return nil
	}
	switch {
	case h.Answer == AnswerForward:
		// what still comes on this connection is the next request, and must not
		// end this one; an answer at once lets the server see to that
		_ = rc.SetReadDeadline(time.Time{})
		h.forward(w, r, next, c, buf.Bytes())
	case h.Queue != nil:
		body := buf.Bytes()
		if h.Body == BodyNormalized {
			normalized := bodies.Get().(*bytes.Buffer)
			defer returnBody(normalized)
			normalized.Reset()
			_, _ = normalized.Write(c.event.AppendJSON(normalized.AvailableBuffer()))
			body = normalized.Bytes()
		}
		status, reply := h.enqueue(c, h.message(r, c.event, body))
		answer(w, c, status, reply)
	default:
		h.acknowledge(w, c)
	}
	return nil
}

// acknowledge answers OK; the log line is all that is kept.
func (h *Handler) acknowledge(w http.ResponseWriter, c *callback) {
	if e := h.logger.Check(zapcore.InfoLevel, "callback acknowledged, and kept nowhere but here"); e != nil {
		e.Write(c.identity()...)
	}
	answer(w, c, http.StatusOK, answerOK)
}

// verify makes the checks that need no body, in their order.
func (h *Handler) verify(r *http.Request, c *callback, now time.Time) error {
	err := h.verifyConnection(r)
	// also for a request that is refused, so that the log can say what it claimed
	query, queryErr := profile.ParseQuery(r.URL.RawQuery)
	c.query = query
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
		return &profile.Error{Reason: profile.ReasonContentType}
	}
	return nil
}

func (h *Handler) verifyConnection(r *http.Request) error {
	reason := profile.Reason("")
	switch {
	case !h.AllowHTTP && !isHTTPS(r):
		reason = profile.ReasonPlainHTTP
	case isEarlyData(r):
		reason = profile.ReasonEarlyData
	case r.Method != http.MethodPost:
		reason = profile.ReasonMethod
	case h.RequireClientCert && (r.TLS == nil || len(r.TLS.VerifiedChains) == 0):
		reason = profile.ReasonClientCert
	default:
		return nil
	}
	return &profile.Error{Reason: reason}
}

// isHTTPS reports whether the client came over TLS: to Caddy itself, or to a
// trusted proxy that says so.
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

var bodies = sync.Pool{New: func() any { return new(bytes.Buffer) }}

func returnBody(buf *bytes.Buffer) {
	if buf.Cap() <= 2*DefaultMaxBody {
		bodies.Put(buf)
	}
}

// readBody reads the whole body into buf, which never holds more than MaxBody.
func (h *Handler) readBody(w http.ResponseWriter, r *http.Request, buf *bytes.Buffer) error {
	buf.Reset()
	if r.ContentLength > h.MaxBody {
		return &profile.Error{Reason: profile.ReasonTooLarge}
	}
	if n := r.ContentLength; n > 0 {
		buf.Grow(int(n) + bytes.MinRead) // so that reading does not grow it
	}
	_, err := buf.ReadFrom(http.MaxBytesReader(w, r.Body, h.MaxBody))
	if err == nil {
		return nil
	}
	if _, tooLarge := errors.AsType[*http.MaxBytesError](err); tooLarge {
		return &profile.Error{Reason: profile.ReasonTooLarge}
	}
	return &profile.Error{Reason: profile.ReasonBodyRead}
}

// refuse answers and logs a request that is not taken.
func (h *Handler) refuse(w http.ResponseWriter, r *http.Request, c *callback, err error) {
	refusal, ok := errors.AsType[*profile.Error](err)
	if !ok {
		refusal = &profile.Error{Reason: profile.ReasonBadBody}
	}
	c.reason, c.result = refusal.Reason, result(refusal.Reason)
	if e := h.logger.Check(zapcore.InfoLevel, "callback refused"); e != nil {
		clientIP, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
		e.Write(
			zap.String("reason", string(refusal.Reason)),
			zap.String("detail", refusal.Detail),
			zap.String("sdk_appid", loggable(c.query.SDKAppID)),
			zap.String("command", loggable(c.query.Command)),
			zap.String("client_ip", clientIP),
		)
	}
	if refusal.Reason == profile.ReasonMethod {
		w.Header().Set("Allow", http.MethodPost)
	}
	answer(w, c, refusal.Reason.Status(), profile.Fail(refusal.Error()).JSON())
}

// loggable bounds what an unverified request can put into a log line.
func loggable(s string) string {
	const most = 128
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// identity are the log fields that tell which event it is; no values.
func (c *callback) identity() []zap.Field {
	return []zap.Field{
		zap.String("event_id", c.event.ID()),
		zap.Uint64("sdk_appid", c.event.SDKAppID),
		zap.String("command", c.event.Command),
		zap.String("from_account", c.event.FromAccount),
		zap.String("operator_account", c.event.OperatorAccount),
		zap.Strings("changed", c.event.Changed()),
	}
}

const placeholderPrefix = "http.tim_callback."

// placeholder evaluates {http.tim_callback.*}, only where it is asked for.
func (c *callback) placeholder(key string) (any, bool) {
	name, ok := strings.CutPrefix(key, placeholderPrefix)
	if !ok {
		return nil, false
	}
	switch name {
	case "sdk_appid":
		return c.query.SDKAppID, true
	case "command":
		return c.query.Command, true
	case "reason":
		return string(c.reason), true
	}
	e := c.event
	if e == nil {
		e = new(profile.Event)
	}
	switch name {
	case "from_account":
		return e.FromAccount, true
	case "operator_account":
		return e.OperatorAccount, true
	case "platform":
		return e.Platform, true
	case "client_ip":
		return e.ClientIP, true
	case "event_id":
		return e.ID(), true
	case "changed":
		return strings.Join(e.Changed(), ","), true
	}
	return nil, false
}

var (
	answerOK            = profile.OK().JSON()
	answerBackendFailed = profile.Fail("the backend did not take the callback").JSON()
	answerBackendLate   = profile.Fail("the backend did not answer in time").JSON()
)

// answer answers Tencent when the handler is about to end.
func answer(w http.ResponseWriter, c *callback, status int, body []byte) {
	delete(w.Header(), "Content-Length") // the server knows it better
	write(w, c, status, body)
}

// answerNow answers Tencent completely while the handler goes on.
func answerNow(w http.ResponseWriter, c *callback, status int, body []byte) {
	w.Header().Set("Content-Length", strconv.Itoa(len(body)))
	write(w, c, status, body)
	_ = http.NewResponseController(w).Flush()
	c.count()
}

// write is the one place where Tencent is written to.
func write(w http.ResponseWriter, c *callback, status int, body []byte) {
	c.result = cmp.Or(c.result, resultOf(status))
	w.Header()["Content-Type"] = []string{"application/json"} // not shared: other handlers may edit it
	w.WriteHeader(status)
	_, _ = w.Write(body) // who has hung up gets no answer
}
