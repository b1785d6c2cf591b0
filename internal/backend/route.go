package backend

import (
	"context"
	"crypto/tls"
	"errors"
	"net"
	"net/http"
	"net/url"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/internal/placeholder"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Route delivers the events of a queue: it runs the route `deliver` as if the
// callback had just arrived at a server.
type Route struct {
	handler caddyhttp.Handler // the whole route, and then noteUnhandled
	server  *caddyhttp.Server
	options Options
}

// NewRoute makes a route of `deliver`, which must have been provisioned.
func NewRoute(deliver caddyhttp.RouteList, server *caddyhttp.Server, options Options) *Route {
	return &Route{
		handler: deliver.Compile(caddyhttp.HandlerFunc(noteUnhandled)),
		server:  server,
		options: options,
	}
}

type unhandledKey struct{}

// noteUnhandled comes after all handlers of deliver.
func noteUnhandled(_ http.ResponseWriter, r *http.Request) error {
	if unhandled, ok := r.Context().Value(unhandledKey{}).(*bool); ok {
		*unhandled = true
	}
	return nil
}

// Attempt tries once to deliver an event. It is a [delivery.Attempt].
func (d *Route) Attempt(ctx context.Context, item *queue.Item) delivery.Result {
	m, err := delivery.ParseMessage(item.Payload)
	if err != nil {
		// a dead letter tells more than days of attempts: it will not become readable
		return delivery.Result{Verdict: delivery.Refused, Error: "the stored event cannot be read: " + err.Error()}
	}
	stored, err := ReadStored(m, item.ID, d.options)
	if err != nil {
		return delivery.Result{Verdict: delivery.Refused, Error: "the stored event cannot be read: " + err.Error()}
	}
	stored.Attributes.Sequence = callback.FormatSequence(item.Seq)
	unhandled := false
	r, err := d.request(context.WithValue(ctx, unhandledKey{}, &unhandled), m, stored)
	if err != nil {
		return delivery.Result{Verdict: delivery.Refused, Error: "the stored event does not make a request: " + err.Error()}
	}
	response := NewResponse()
	err = Call(d.handler, response, r)
	switch {
	case response.Overflow:
		err = nil // the rest of the body does not matter
	case err == nil && response.Status == 0 && unhandled:
		err = errors.New("no handler of deliver answers")
	}
	if ctx.Err() != nil && (err != nil || response.Status == 0 || response.Status == StatusClientClosed) {
		err = context.Cause(ctx)
	}
	result := delivery.Classify(response.Status, response.header, response.Body, err, time.Now())
	result.Answer = delivery.Excerpt(response.Body)
	return result
}

// request makes a new request of a stored one, with variables and placeholders of
// its own.
func (d *Route) request(ctx context.Context, m *delivery.Message, stored Stored) (*http.Request, error) {
	target, err := url.ParseRequestURI(m.URI)
	if err != nil {
		return nil, err
	}
	r := (&http.Request{
		Method:     http.MethodPost,
		URL:        target,
		Proto:      "HTTP/1.1",
		ProtoMajor: 1,
		ProtoMinor: 1,
		Header:     stored.Header,
		Host:       m.Host,
		RequestURI: m.URI,
		RemoteAddr: m.RemoteAddr,
		TLS:        &tls.ConnectionState{HandshakeComplete: true, ServerName: hostname(m.Host)},
	}).WithContext(ctx)
	if m.Prepared {
		r.Header.Set(callback.SequenceHeader, stored.Attributes.Sequence)
		SetBody(r, stored.Body)
		if len(d.options.Secrets) > 0 {
			callback.SignWebhook(r.Header, stored.Attributes.ID, time.Now(), stored.Body, d.options.Secrets...)
		}
	} else {
		d.options.Prepare(r, stored.Attributes, stored.Body)
	}
	repl := caddy.NewReplacer()
	repl.Map(func(key string) (any, bool) { return placeholder.Value(key, source{stored}) })
	return caddyhttp.PrepareRequest(r, repl, nil, d.server), nil
}

// source is a stored event, as the source of placeholders.
type source struct{ Stored }

func (s source) Attributes() callback.Attributes { return s.Stored.Attributes }

func (s source) FromAccount() string { return s.Stored.FromAccount }

func (source) Reason() callback.Reason { return "" }

// hostname is a Host header without its port.
func hostname(host string) string {
	if name, _, err := net.SplitHostPort(host); err == nil {
		return name
	}
	return host
}
