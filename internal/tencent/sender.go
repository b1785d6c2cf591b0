// Package tencent plays Tencent's part: it sends callbacks the way Tencent's
// servers do, and judges the answers as they would.
package tencent

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"time"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// Timeout is how long Tencent waits for the whole answer to a callback.
const Timeout = 2 * time.Second

// Sender sends callbacks over HTTP/1.1 connections that are kept alive. It follows
// no redirect. It is safe for concurrent use.
type Sender struct {
	// Timeout is how long an answer may take, from the beginning of connecting to
	// the end of its body. Default: [Timeout]. A longer one shows how late an
	// answer is that Tencent would not have waited for.
	Timeout time.Duration

	transport *http.Transport
}

// NewSender makes a Sender that keeps up to connections idle connections to a host;
// config, of which it makes a copy, says whom to trust and which client certificate
// to show, and may be nil.
func NewSender(config *tls.Config, connections int) *Sender {
	if config == nil {
		config = &tls.Config{}
	}
	config = config.Clone()
	config.NextProtos = []string{"http/1.1"}
	return &Sender{
		Timeout: Timeout,
		transport: &http.Transport{
			Proxy:               http.ProxyFromEnvironment,
			DialContext:         (&net.Dialer{}).DialContext,
			TLSClientConfig:     config,
			MaxIdleConnsPerHost: connections,
			IdleConnTimeout:     time.Minute,
			DisableCompression:  true,
		},
	}
}

// Close closes the connections that are idle.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Exchange is a callback that was sent and what came back. The Sign is nowhere in
// it, not even where the endpoint repeats it.
type Exchange struct {
	Status    int // 0 if there was no response
	Proto     string
	Header    http.Header
	Body      []byte // at most [profile.MaxAnswer] bytes
	Cut       bool   // the body was longer
	TLS       *tls.ConnectionState
	Connected bool          // there was a connection, after its TLS handshake
	Reused    bool          // it had been used before
	Took      time.Duration // until the end of the answer or the error
	Err       error         // why there is no complete answer
}

// Send sends a request and reads the answer.
func (s *Sender) Send(r *http.Request) *Exchange {
	x := new(Exchange)
	ctx, cancel := context.WithTimeout(r.Context(), s.Timeout)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { x.Connected, x.Reused = true, info.Reused },
	})
	began := time.Now()
	resp, err := s.transport.RoundTrip(r.WithContext(ctx))
	if err == nil {
		x.Status, x.Proto, x.Header, x.TLS = resp.StatusCode, resp.Proto, resp.Header, resp.TLS
		x.Body, err = io.ReadAll(io.LimitReader(resp.Body, profile.MaxAnswer+1))
		resp.Body.Close()
		if x.Cut = len(x.Body) > profile.MaxAnswer; x.Cut {
			x.Body = x.Body[:profile.MaxAnswer]
		}
	}
	x.Took = time.Since(began)
	switch {
	case err != nil && r.Context().Err() != nil:
		x.Err = context.Cause(r.Context())
	case err != nil && ctx.Err() != nil:
		x.Err = context.DeadlineExceeded
	case errors.Is(err, io.EOF) && x.Status == 0:
		x.Err = errors.New("the connection was closed without an answer")
	default:
		x.Err = err
	}
	x.redact(r.URL)
	return x
}
