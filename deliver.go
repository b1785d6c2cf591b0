package timcallback

import (
	"bytes"
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/url"
	"strconv"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/profile"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// message is what a queue keeps of a callback: the request that forward would make,
// without what authenticated it.
func (h *Handler) message(r *http.Request, e *profile.Event, body []byte) *delivery.Message {
	m := &delivery.Message{
		Host:       r.Host,
		URI:        r.URL.EscapedPath(),
		RemoteAddr: clientAddr(r),
		Header:     h.storedHeader(r.Header),
		Body:       body,
		Event:      e,
	}
	_ = e.ID() // before handlers and a late answer may ask for it at the same time
	if query := delivery.StripQuery(r.URL.RawQuery); query != "" {
		m.URI += "?" + query
	}
	return m
}

// normalizedHeader is what most messages have, so they share it.
var normalizedHeader = http.Header{"Content-Type": {"application/json"}}

// storedHeader is what is kept of a request's header. It must not be changed.
func (h *Handler) storedHeader(received http.Header) http.Header {
	normalized := h.Body == BodyNormalized
	if normalized && received["Traceparent"] == nil && received["Tracestate"] == nil {
		return normalizedHeader
	}
	kept := make(http.Header, 3)
	for _, name := range []string{"Content-Type", "Traceparent", "Tracestate"} {
		if values, ok := received[name]; ok {
			kept[name] = values
		}
	}
	if normalized {
		kept["Content-Type"] = normalizedHeader["Content-Type"]
	}
	return kept
}

// clientAddr is the client's address as Caddy sees it, with a port.
func clientAddr(r *http.Request) string {
	host, _, err := net.SplitHostPort(r.RemoteAddr)
	client, _ := caddyhttp.GetVar(r.Context(), caddyhttp.ClientIPVarKey).(string)
	if client == "" || err == nil && client == host {
		return r.RemoteAddr
	}
	return net.JoinHostPort(client, "0") // the port is that of a proxy in between
}

// route is how a handler's queue delivers: the routes of `deliver`, which are run
// as if the callback had just come in on the handler's server.
type route struct {
	handler caddyhttp.Handler // of all routes, and then noteUnhandled
	server  *caddyhttp.Server
	secrets []profile.Secret
}

type unhandledKey struct{}

// noteUnhandled comes after all handlers of deliver.
func noteUnhandled(_ http.ResponseWriter, r *http.Request) error {
	if unhandled, ok := r.Context().Value(unhandledKey{}).(*bool); ok {
		*unhandled = true
	}
	return nil
}

// attempt delivers an event once.
func (d *route) attempt(ctx context.Context, item *queue.Item) delivery.Result {
	m, err := delivery.ParseMessage(item.Payload)
	if err != nil {
		// it will not become readable: better a dead letter than days of tries
		return delivery.Result{Verdict: delivery.Refused, Error: "the stored event cannot be read: " + err.Error()}
	}
	unhandled := false
	r, err := d.request(context.WithValue(ctx, unhandledKey{}, &unhandled), m)
	if err != nil {
		return delivery.Result{Verdict: delivery.Refused, Error: "the stored event makes no request: " + err.Error()}
	}
	backend := newBackendWriter()
	err = call(d.handler, backend, r)
	switch {
	case backend.overflow && backend.status != 0:
		err = nil // it was told enough
	case err == nil && backend.status == 0 && unhandled:
		err = errors.New("no handler of deliver answers")
	}
	if ctx.Err() != nil && (err != nil || backend.status == 0 || backend.status == statusClientClosed) {
		err = context.Cause(ctx)
	}
	return delivery.Classify(backend.status, backend.header, backend.body, err, time.Now())
}

// request makes a new request of a stored one, with variables and placeholders of
// its own.
func (d *route) request(ctx context.Context, m *delivery.Message) (*http.Request, error) {
	target, err := url.ParseRequestURI(m.URI)
	if err != nil {
		return nil, err
	}
	r := (&http.Request{
		Method:        http.MethodPost,
		URL:           target,
		Proto:         "HTTP/1.1",
		ProtoMajor:    1,
		ProtoMinor:    1,
		Header:        m.Header,
		Host:          m.Host,
		RequestURI:    m.URI,
		RemoteAddr:    m.RemoteAddr,
		ContentLength: int64(len(m.Body)),
		TLS:           &tls.ConnectionState{HandshakeComplete: true, ServerName: hostname(m.Host)},
	}).WithContext(ctx)
	setBody(r, m.Body)
	if len(d.secrets) > 0 {
		profile.SignWebhook(r.Header, r.Header.Get("Ce-Id"), time.Now(), m.Body, d.secrets...)
	}
	repl := caddy.NewReplacer()
	repl.Map(storedPlaceholders(m.Header))
	return caddyhttp.PrepareRequest(r, repl, nil, d.server), nil
}

// hostname is a Host header without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}

// setBody gives a request a body that is all there.
func setBody(r *http.Request, body []byte) {
	r.Header.Set("Accept-Encoding", "identity") // so that the answer can be read
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	r.ContentLength = int64(len(body))
	r.TransferEncoding = nil
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
}

// storedPlaceholders evaluates {http.tim_callback.*} for an event that was stored.
func storedPlaceholders(header http.Header) caddy.ReplacerFunc {
	return func(key string) (any, bool) {
		name, ok := strings.CutPrefix(key, placeholderPrefix)
		if !ok {
			return nil, false
		}
		switch name {
		case "sdk_appid":
			return attribute(header, "Sdkappid"), true
		case "command":
			return strings.TrimPrefix(attribute(header, "Type"), profile.EventTypePrefix), true
		case "from_account":
			return attribute(header, "Subject"), true
		case "operator_account":
			return attribute(header, "Operator"), true
		case "platform":
			return attribute(header, "Platform"), true
		case "client_ip":
			return attribute(header, "Clientip"), true
		case "event_id":
			return attribute(header, "Id"), true
		case "changed":
			return attribute(header, "Changed"), true
		case "reason":
			return "", true
		}
		return nil, false
	}
}

// attribute is the value of a CloudEvents attribute, from its header.
func attribute(header http.Header, name string) string {
	value := header.Get("Ce-" + name)
	if decoded, err := url.PathUnescape(value); err == nil {
		return decoded
	}
	return value
}

// observe logs what comes of deliveries.
func observe(logger *zap.Logger, queueName string) delivery.Observer {
	logger = logger.With(zap.String("queue", queueName))
	return delivery.Observer{
		Attempted: func(report delivery.Report) {
			fields := []zap.Field{
				zap.String("event_id", report.Item.ID),
				zap.String("key", report.Item.Key),
				zap.Int("attempts", report.Item.Attempts),
				zap.Duration("took", report.Took),
			}
			switch report.Outcome {
			case delivery.OutcomeDelivered:
				logger.Debug("event delivered", fields...)
			case delivery.OutcomeRetried:
				logger.Warn("event not delivered, will be tried again",
					append(fields, zap.String("error", report.Result.Error), zap.Time("next", report.Next))...)
			default:
				logger.Warn("event not delivered, is a dead letter now", append(fields, zap.String("error", report.Result.Error))...)
			}
		},
		Down: func() { logger.Warn("the backend is down: it is only probed until it is up again") },
		Up: func(downFor time.Duration) {
			logger.Info("the backend is up again", zap.Duration("down_for", downFor))
		},
		StoreFailed: func(err error) { logger.Warn("taking events from the queue", zap.Error(err)) },
	}
}
