package inspector

import (
	"context"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// from returns a request from an address, which Caddy takes for that of a client.
func from(method, target, remote, client string) *http.Request {
	r := httptest.NewRequest(method, target, nil)
	r.RemoteAddr = remote
	return r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, map[string]any{caddyhttp.ClientIPVarKey: client}))
}

func TestAccess(t *testing.T) {
	for _, tc := range []struct {
		name, host, remote, client string
		header                     [2]string
		want                       bool
	}{
		{"IPv4", "localhost", "127.0.0.1:1", "127.0.0.1", [2]string{}, true},
		{"IPv6", "[::1]:8443", "[::1]:1", "::1", [2]string{}, true},
		{"mapped", "127.0.0.1:80", "[::ffff:127.0.0.1]:1", "::ffff:127.0.0.1", [2]string{}, true},
		{"other loopback", "127.1.2.3", "127.9.9.9:1", "127.9.9.9", [2]string{}, true},
		{"name in capitals", "LOCALHOST:8443", "127.0.0.1:1", "127.0.0.1", [2]string{}, true},
		{"IPv6 without a port", "[::1]", "[::1]:1", "::1", [2]string{}, true},

		{"another machine", "localhost", "203.0.113.7:1", "203.0.113.7", [2]string{}, false},
		{"private network", "localhost", "10.0.0.1:1", "10.0.0.1", [2]string{}, false},
		{"all addresses", "localhost", "0.0.0.0:1", "0.0.0.0", [2]string{}, false},
		{"trusted proxy here", "localhost", "127.0.0.1:1", "203.0.113.7", [2]string{}, false},
		{"proxy elsewhere claims loopback", "localhost", "203.0.113.7:1", "127.0.0.1", [2]string{}, false},
		{"no client IP", "localhost", "127.0.0.1:1", "", [2]string{}, false},
		{"no address", "localhost", "", "127.0.0.1", [2]string{}, false},
		{"unix socket", "localhost", "@", "", [2]string{}, false},
		{"address with a zone", "localhost", "[fe80::1%lo]:1", "fe80::1%lo", [2]string{}, false},

		{"untrusted proxy here", "localhost", "127.0.0.1:1", "127.0.0.1", [2]string{"X-Forwarded-For", "203.0.113.7"}, false},
		{"chain", "localhost", "127.0.0.1:1", "127.0.0.1", [2]string{"X-Forwarded-For", "127.0.0.1, 203.0.113.7"}, false},
		{"proxy here for a client here", "localhost", "127.0.0.1:1", "127.0.0.1", [2]string{"X-Forwarded-For", "127.0.0.1"}, true},
		{"forwarded, not an address", "localhost", "127.0.0.1:1", "127.0.0.1", [2]string{"X-Forwarded-For", "unknown"}, false},
		{"real IP", "localhost", "127.0.0.1:1", "127.0.0.1", [2]string{"X-Real-Ip", "203.0.113.7"}, false},
		{"Forwarded", "localhost", "127.0.0.1:1", "127.0.0.1", [2]string{"Forwarded", "for=127.0.0.1"}, false},
		{"forwarded host", "localhost", "127.0.0.1:1", "127.0.0.1", [2]string{"X-Forwarded-Host", "im.example.com"}, false},

		{"rebinding", "evil.example:8443", "127.0.0.1:1", "127.0.0.1", [2]string{}, false},
		{"rebinding to a part of the name", "localhost.evil.example", "127.0.0.1:1", "127.0.0.1", [2]string{}, false},
		{"rebinding to an address in a name", "127.0.0.1.evil.example", "127.0.0.1:1", "127.0.0.1", [2]string{}, false},
		{"all addresses as a name", "0.0.0.0:8443", "127.0.0.1:1", "127.0.0.1", [2]string{}, false},
		{"no host", "", "127.0.0.1:1", "127.0.0.1", [2]string{}, false},
	} {
		t.Run(tc.name, func(t *testing.T) {
			for _, allow := range []bool{false, true} {
				i := newInspector(new(fake))
				i.AllowRemote = allow
				for _, path := range []string{"/", "/recent", "/stream", "/event?id=1", "/" + assetNames["style.css"]} {
					r := from(http.MethodHead, path, tc.remote, tc.client)
					r.Host = tc.host
					if tc.header[0] != "" {
						r.Header.Set(tc.header[0], tc.header[1])
					}
					w := httptest.NewRecorder()
					i.serve(w, r)
					if refused := w.Code == http.StatusForbidden; refused == (tc.want || allow) {
						t.Errorf("%s, allow_remote %v: %d", path, allow, w.Code)
					}
					if w.Code == http.StatusForbidden && !strings.Contains(w.Body.String(), "allow_remote") {
						t.Errorf("the answer does not say what to set: %s", w.Body)
					}
				}
			}
		})
	}
}

// TestAccessWithoutCaddy has no variables of Caddy in the request.
func TestAccessWithoutCaddy(t *testing.T) {
	i := newInspector(new(fake))
	i.AllowRemote = false
	r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
	r.RemoteAddr = "127.0.0.1:1"
	r = r.WithContext(context.WithValue(r.Context(), caddyhttp.VarsCtxKey, map[string]any{}))
	w := httptest.NewRecorder()
	if i.serve(w, r); w.Code != http.StatusForbidden {
		t.Error(w.Code)
	}
}
