package backend

import (
	"bytes"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// hopByHop are the headers that are about one connection only (RFC 9110, 7.6.1, and
// those of older standards).
var hopByHop = []string{
	"Connection", "Keep-Alive", "Proxy-Authenticate", "Proxy-Authorization", "Proxy-Connection",
	"Te", "Trailer", "Transfer-Encoding", "Upgrade",
}

// Strip removes from a request the headers that only this module may set, and those
// that are only about the client's connection: reverse_proxy would drop every header
// that Connection names, also those that this module sets. All trailers are removed:
// Tencent sends none, and they arrive after the headers were checked.
func Strip(r *http.Request) {
	for _, names := range r.Header["Connection"] {
		for name := range strings.SplitSeq(names, ",") {
			// headers about the body stay whatever Connection says, since the body does
			if name = http.CanonicalHeaderKey(strings.TrimSpace(name)); !strings.HasPrefix(name, "Content-") {
				delete(r.Header, name)
			}
		}
	}
	for _, name := range hopByHop {
		delete(r.Header, name)
	}
	callback.StripHeaders(r.Header)
	r.Trailer = nil
}

// SetBody gives a request a body that has arrived completely. It also asks for a
// response without compression, so that the answer can be read.
func SetBody(r *http.Request, body []byte) {
	r.Header.Set("Accept-Encoding", "identity")
	r.Header.Set("Content-Length", strconv.Itoa(len(body)))
	r.ContentLength = int64(len(body))
	r.TransferEncoding = nil
	r.Body = io.NopCloser(bytes.NewReader(body))
	r.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
}
