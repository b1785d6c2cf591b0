package backend

import (
	"errors"
	"net/http"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// Response is an [http.ResponseWriter] that keeps the status and as much of the body
// as a callback answer may have. Nothing of it is sent to anybody; trailers and
// informational responses are dropped.
type Response struct {
	Status   int // of the final response; 0 if there was none
	Body     []byte
	Overflow bool // the body was longer than any callback answer

	header http.Header
}

// StatusClientClosed is the status that reverse_proxy writes, with no body, when the
// request was cancelled.
const StatusClientClosed = 499

var errEnough = errors.New("the response is longer than any callback answer")

// NewResponse returns an empty response.
func NewResponse() *Response { return &Response{header: make(http.Header)} }

// Header implements [http.ResponseWriter].
func (b *Response) Header() http.Header { return b.header }

// WriteHeader implements [http.ResponseWriter].
func (b *Response) WriteHeader(status int) {
	if b.Status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		b.Status = status
	}
}

// Write implements [http.ResponseWriter]. It fails once the body is longer than a
// callback answer may be, so that the handler need not go on.
func (b *Response) Write(p []byte) (int, error) {
	b.WriteHeader(http.StatusOK)
	if len(b.Body)+len(p) > callback.MaxAnswer {
		b.Overflow = true
		return 0, errEnough
	}
	b.Body = append(b.Body, p...)
	return len(p), nil
}

// FlushError makes flushing succeed, since nothing is sent to anybody.
func (b *Response) FlushError() error { return nil }

// Interface guards
var (
	_ http.ResponseWriter             = (*Response)(nil)
	_ interface{ FlushError() error } = (*Response)(nil)
)
