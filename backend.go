package timcallback

import (
	"errors"
	"fmt"
	"net/http"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// backendWriter takes the backend's response in Tencent's place. It keeps the
// status and as much of the body as a callback answer may have; headers,
// trailers and informational responses lead nowhere.
type backendWriter struct {
	header   http.Header
	status   int
	body     []byte
	overflow bool
}

var errEnough = errors.New("the response is longer than any callback answer")

func newBackendWriter() *backendWriter { return &backendWriter{header: make(http.Header)} }

func (b *backendWriter) Header() http.Header { return b.header }

func (b *backendWriter) WriteHeader(status int) {
	if b.status == 0 && (status >= 200 || status == http.StatusSwitchingProtocols) {
		b.status = status
	}
}

func (b *backendWriter) Write(p []byte) (int, error) {
	b.WriteHeader(http.StatusOK)
	if len(b.body)+len(p) > profile.MaxAnswer {
		// no more is needed to know what it is, so the backend need not go on
		b.overflow = true
		return 0, errEnough
	}
	b.body = append(b.body, p...)
	return len(p), nil
}

// FlushError makes flushing a success: there is nothing to wait for.
func (b *backendWriter) FlushError() error { return nil }

// refused reports whether the backend said something else than 2xx.
func (b *backendWriter) refused() bool { return b.status != 0 && (b.status < 200 || b.status >= 300) }

// verdict is what Tencent is answered, and for a failure why. err is how the
// handlers ended.
func (b *backendWriter) verdict(err error) (status int, body []byte, why string) {
	const failed = http.StatusBadGateway
	switch {
	case b.status == statusClientClosed:
		return failed, answerBackendFailed, "the request was cancelled"
	case b.refused():
		return failed, answerBackendFailed, fmt.Sprintf("the backend answered with status %d", b.status)
	case b.overflow && b.status != 0:
		return http.StatusOK, answerOK, ""
	case err != nil:
		return failed, answerBackendFailed, "the backend could not be asked, or its answer broke off"
	case b.status == 0:
		return failed, answerBackendFailed, "no handler after tim_callback answers"
	case b.status == http.StatusOK:
		if _, err := profile.ParseAnswer(b.body); err == nil {
			return http.StatusOK, b.body, ""
		}
	}
	return http.StatusOK, answerOK, ""
}

// Interface guards
var (
	_ http.ResponseWriter             = (*backendWriter)(nil)
	_ interface{ FlushError() error } = (*backendWriter)(nil)
)
