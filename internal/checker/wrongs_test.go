package checker

import (
	"crypto/tls"
	"crypto/x509"
	"net"
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// wrongs has endpoints that do something wrong, and the probes that must fail. All other
// probes must not fail.
var wrongs = []struct {
	name      string
	lax       string                                             // see endpoint
	configure func(*httptest.Server)                             // changes the server
	server    func(*testing.T, *authority) tls.Certificate       // makes the server's certificate
	check     func(*testing.T, *authority, *endpoint, *Endpoint) // changes the endpoint or how it is checked
	want      []string                                           // the probes that fail
	detail    string                                             // part of the detail of the first of them
}{
	{lax: "accepts", want: []string{"accepts"}},
	{lax: "news", want: []string{"news"}},
	{lax: "plain_http", want: []string{"plain_http"}},
	{lax: "method", want: []string{"method"}},
	{lax: "wrong_app", want: []string{"wrong_app"}},
	{lax: "repeated_app", want: []string{"repeated_app"}},
	{lax: "no_sign", want: []string{"no_sign"}},
	{lax: "wrong_sign", want: []string{"wrong_sign"}},
	{lax: "stale", want: []string{"stale", "stale_minutes"}},
	{lax: "stale_minutes", want: []string{"stale_minutes"}},
	{lax: "future", want: []string{"future"}},
	{lax: "command_mismatch", want: []string{"command_mismatch"}},
	{lax: "not_json", want: []string{"not_json"}},
	{lax: "huge_body", want: []string{"huge_body"}},
	{
		name:      "TLS 1.0 and later",
		configure: func(s *httptest.Server) { s.TLS.MinVersion = tls.VersionTLS10 },
		want:      []string{"tls_old"},
	}, {
		name: "TLS 1.0 and 1.1 only",
		configure: func(s *httptest.Server) {
			s.TLS.MinVersion, s.TLS.MaxVersion = tls.VersionTLS10, tls.VersionTLS11
		},
		want:   []string{"tls", "tls_old", "accepts"},
		detail: `nothing newer than TLS 1.1`,
	}, {
		name:   "untrusted CA",
		check:  insecure,
		want:   []string{"chain"},
		detail: `"Test CA" is neither sent nor a CA that is trusted here`,
	}, {
		name:  "untrusted CA, which is taken seriously",
		check: func(_ *testing.T, _ *authority, _ *endpoint, e *Endpoint) { e.TLS = nil },
		want:  []string{"chain", "accepts"},
	}, {
		name: "self-signed",
		server: func(t *testing.T, a *authority) tls.Certificate {
			template := a.leaf(t, nil).Leaf
			return new(caddytest.Authority).Issue(t, template)
		},
		check:  insecure,
		want:   []string{"chain"},
		detail: `it is self-signed`,
	}, {
		name: "missing intermediate",
		server: func(t *testing.T, a *authority) tls.Certificate {
			return a.leaf(t, func(c *x509.Certificate) { c.IssuingCertificateURL = []string{"http://ca.example/ca.crt"} })
		},
		check:  trustedButInsecure,
		want:   []string{"chain"},
		detail: `an intermediate certificate is missing: "Test intermediate" is not sent`,
	}, {
		name: "another host name",
		server: func(t *testing.T, a *authority) tls.Certificate {
			return a.chain(a.leaf(t, func(c *x509.Certificate) { c.IPAddresses = []net.IP{net.IPv4(127, 0, 0, 2)} }))
		},
		check:  trustedButInsecure,
		want:   []string{"hostname"},
		detail: `127.0.0.2`,
	}, {
		name: "expired",
		server: func(t *testing.T, a *authority) tls.Certificate {
			return a.chain(a.leaf(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(-time.Minute) }))
		},
		check:  trustedButInsecure,
		want:   []string{"expiry"},
		detail: `it expired at`,
	}, {
		name: "not valid yet",
		server: func(t *testing.T, a *authority) tls.Certificate {
			return a.chain(a.leaf(t, func(c *x509.Certificate) { c.NotBefore = time.Now().Add(30 * time.Minute) }))
		},
		check:  trustedButInsecure,
		want:   []string{"expiry"},
		detail: `not valid before`,
	}, {
		name: "expires soon",
		server: func(t *testing.T, a *authority) tls.Certificate {
			return a.chain(a.leaf(t, func(c *x509.Certificate) { c.NotAfter = time.Now().Add(5 * time.Minute) }))
		},
		want:   []string{"expiry_soon"},
		detail: "it expires in 5 minutes, at ",
	}, {
		name: "plain text for an answer",
		check: accepting(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte("success"))
		}),
		want: []string{"answer"},
	}, {
		name: "an answer without ErrorInfo",
		check: accepting(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte(`{"ActionStatus":"OK","ErrorCode":0}`))
		}),
		want: []string{"answer"},
	}, {
		name: "another status than 200",
		check: accepting(func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(http.StatusCreated)
			_, _ = w.Write(callback.OK().JSON())
		}),
		want: []string{"answer"},
	}, {
		name: "another type",
		check: accepting(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/html")
			_, _ = w.Write(callback.OK().JSON())
		}),
		want: []string{"answer_type"},
	}, {
		name:      "no keep-alive",
		configure: func(s *httptest.Server) { s.Config.SetKeepAlivesEnabled(false) },
		want:      []string{"keep_alive"},
	}, {
		name:   "late",
		check:  func(_ *testing.T, _ *authority, served *endpoint, _ *Endpoint) { served.accept = late() },
		want:   []string{"time"},
		detail: `it took 2.`,
	}, {
		name:   "a decision without ResultItem",
		check:  deciding("Sns.CallbackPrevFriendResponse", answers("")),
		want:   []string{"decision"},
		detail: `Sns.CallbackPrevFriendResponse: ResultItem is missing`,
	}, {
		name: "FAIL as a decision",
		check: deciding("C2C.CallbackBeforeSendMsg", func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write(callback.Fail("unknown command").JSON())
		}),
		want:   []string{"decision"},
		detail: `200 OK (unknown command) with FAIL, which counts as a refusal`,
	}, {
		name: "no decision",
		check: func(t *testing.T, a *authority, served *endpoint, e *Endpoint) {
			deciding("C2C.CallbackBeforeSendMsg", func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) })(t, a, served, e)
		},
		want:   []string{"decision"},
		detail: `C2C.CallbackBeforeSendMsg: the connection was closed without an answer`,
	}, {
		name:  "a command that is not taken",
		check: func(_ *testing.T, _ *authority, _ *endpoint, e *Endpoint) { e.Decision = "Group.CallbackBeforeSendMsg" },
		want:  []string{"decision"}, detail: `Group.CallbackBeforeSendMsg: status 403 Forbidden instead of 200: command`,
	}, {
		name:   "a late decision",
		check:  deciding("C2C.CallbackBeforeSendMsg", late()),
		want:   []string{"decision_time"},
		detail: `it took 2.`,
	}, {
		name:   "a redirect",
		check:  accepting(func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }),
		want:   []string{"accepts"},
		detail: `Tencent does not follow redirects`,
	}, {
		name:      "client certificate not demanded",
		configure: func(s *httptest.Server) { s.TLS.ClientAuth = tls.RequestClientCert },
		check: func(t *testing.T, a *authority, _ *endpoint, e *Endpoint) {
			e.TLS.Certificates = []tls.Certificate{a.leaf(t, nil)}
		},
		want: []string{"client_cert"},
	}, {
		name: "unsigned",
		check: func(_ *testing.T, _ *authority, served *endpoint, e *Endpoint) {
			served.token, e.Token = "", ""
		},
		want: []string{"authenticated"},
	}, {
		name: "blocks",
		check: func(_ *testing.T, _ *authority, served *endpoint, _ *Endpoint) {
			served.refuse = func(w http.ResponseWriter, _ *http.Request, _ string) {
				served.mu.Lock()
				served.blocked = true
				served.mu.Unlock()
				w.WriteHeader(http.StatusForbidden)
			}
		},
		want: []string{"still_accepts"},
	},
}

func insecure(_ *testing.T, _ *authority, _ *endpoint, e *Endpoint) {
	e.TLS = &tls.Config{InsecureSkipVerify: true}
}

func trustedButInsecure(_ *testing.T, _ *authority, _ *endpoint, e *Endpoint) {
	e.TLS.InsecureSkipVerify = true
}

func deciding(command string, decide http.HandlerFunc) func(*testing.T, *authority, *endpoint, *Endpoint) {
	return func(_ *testing.T, _ *authority, served *endpoint, e *Endpoint) {
		served.decides, served.decide, e.Decision = command, decide, command
	}
}

func accepting(accept http.HandlerFunc) func(*testing.T, *authority, *endpoint, *Endpoint) {
	return func(_ *testing.T, _ *authority, served *endpoint, _ *Endpoint) { served.accept = accept }
}
