// Package tencent takes the role of Tencent's servers: it sends callbacks in the same way, and
// judges the answers by the same rules.
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

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// Timeout is how long Tencent waits for the whole answer to a callback.
const Timeout = 2 * time.Second

// Sender sends callbacks over persistent HTTP/1.1 connections. It does not follow redirects. It
// is safe for concurrent use.
type Sender struct {
	// Timeout is how long an answer may take, from the beginning of the connection to the
	// end of the body. Default: [Timeout]. With a longer one, it can be seen how late an
	// answer is for which Tencent would not have waited.
	Timeout time.Duration

	transport *http.Transport
}

// NewSender returns a Sender that keeps at most this number of idle connections to a host.
// config has the CAs to trust and the client certificate to present. It is copied and may be
// nil.
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

// Close closes all idle connections.
func (s *Sender) Close() { s.transport.CloseIdleConnections() }

// Exchange is the response to a callback, or the error. It never contains the Sign, even if the
// endpoint repeats it.
type Exchange struct {
	Status    int // 0 if there was no response
	Proto     string
	Header    http.Header
	Body      []byte // at most [callback.MaxAnswer] bytes
	Cut       bool   // the body was longer than Body
	TLS       *tls.ConnectionState
	Connected bool          // a connection was made, including its TLS handshake
	Reused    bool          // the connection had been used before
	Took      time.Duration // the time until the end of the answer, or until the error
	Err       error         // why there is no complete answer; nil if there is one
}

// Send sends a request and reads the answer. Errors are in the Exchange.
func (s *Sender) Send(r *http.Request) *Exchange {
	x := new(Exchange)
	began := time.Now() // before the time-out begins, so that Took is not shorter than the time-out
	ctx, cancel := context.WithTimeout(r.Context(), s.Timeout)
	defer cancel()
	ctx = httptrace.WithClientTrace(ctx, &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { x.Connected, x.Reused = true, info.Reused },
	})
	resp, err := s.transport.RoundTrip(r.WithContext(ctx))
	if err == nil {
		x.Status, x.Proto, x.Header, x.TLS = resp.StatusCode, resp.Proto, resp.Header, resp.TLS
		x.Body, err = io.ReadAll(io.LimitReader(resp.Body, callback.MaxAnswer+1))
		resp.Body.Close()
		if x.Cut = len(x.Body) > callback.MaxAnswer; x.Cut {
			x.Body = x.Body[:callback.MaxAnswer]
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
