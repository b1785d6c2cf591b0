package tencent

import (
	"context"
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"io"
	"log"
	"net"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

func TestJudge(t *testing.T) {
	body := func(status int, body string) http.HandlerFunc {
		return func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	const ok = `{"ActionStatus":"OK","ErrorCode":0,"ErrorInfo":""}`
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    Failure
	}{
		"ok":           {body(200, ok), Taken},
		"FAIL":         {body(200, `{"ActionStatus":"FAIL","ErrorCode":1,"ErrorInfo":"no"}`), Taken},
		"created":      {body(201, ok), FailStatus},
		"refused":      {body(401, ok), FailStatus},
		"redirect":     {func(w http.ResponseWriter, r *http.Request) { http.Redirect(w, r, "/", http.StatusFound) }, FailStatus},
		"empty":        {body(200, ""), FailJSON},
		"text":         {body(200, "OK"), FailJSON},
		"not UTF-8":    {body(200, "\"\xff\""), FailJSON},
		"other JSON":   {body(200, `{"code":0}`), FailFields},
		"another type": {body(200, `{"ActionStatus":"OK","ErrorCode":"0","ErrorInfo":""}`), FailFields},
		"huge":         {body(200, `"`+strings.Repeat("x", callback.MaxAnswer)+`"`), FailTooLarge},
		"broken off": {func(w http.ResponseWriter, _ *http.Request) {
			_, _ = io.WriteString(w, ok[:9])
			panic(http.ErrAbortHandler)
		}, FailConnection},
		"without answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) }, FailConnection},
		"never":          {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() }, FailTimeout},
		"stuck in a body": {func(w http.ResponseWriter, r *http.Request) {
			_, _ = io.WriteString(w, ok)
			_ = http.NewResponseController(w).Flush()
			<-r.Context().Done()
		}, FailTimeout},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			s, url := endpoint(t, test.handler)
			x := s.Send(request(t, url))
			if got := x.Judge(); got.Failure != test.want || (got.Detail == "") != (test.want == Taken) {
				t.Errorf("got %+v, want %q", got, test.want)
			}
			if x.Err != nil && strings.Contains(x.Err.Error(), "Sign") {
				t.Errorf("the error has the URL: %v", x.Err)
			}
		})
	}
}

func TestJudgeTellsWhatAWrongStatusMeans(t *testing.T) {
	s, url := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/old" {
			http.Redirect(w, r, "/new?"+r.URL.RawQuery, http.StatusMovedPermanently)
			return
		}
		w.WriteHeader(http.StatusUnauthorized)
		_, _ = w.Write(callback.Fail("Sign does not match").JSON())
	})
	for path, want := range map[string]string{
		"/":    "status 401 Unauthorized instead of 200: Sign does not match",
		"/old": "status 301 Moved Permanently instead of 200, with a redirect to /new",
	} {
		if v := s.Send(request(t, url+path)).Judge(); v.Failure != FailStatus || v.Detail != want {
			t.Errorf("%s: got %+v", path, v)
		}
	}
}

func TestSendToOneThatWantsACertificate(t *testing.T) {
	server := httptest.NewUnstartedServer(http.NotFoundHandler())
	server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	defer server.Close()
	s := NewSender(&tls.Config{InsecureSkipVerify: true}, 1)
	defer s.Close()
	if v := s.Send(request(t, server.URL)).Judge(); v.Failure != FailTLS || !strings.Contains(v.Detail, "certificate required") {
		t.Errorf("got %+v", v)
	}
}

// Sign is a credential until it is too old, so it must not be in an Exchange.
func TestSendRedacts(t *testing.T) {
	s, url := endpoint(t, func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Path == "/broken" {
			conn, _, err := http.NewResponseController(w).Hijack()
			if err != nil {
				panic(err)
			}
			_, _ = io.WriteString(conn, "HTTP/1.1 "+r.URL.RawQuery+"\r\n\r\n")
			conn.Close()
			return
		}
		w.Header().Set("Location", r.URL.RawQuery)
		w.WriteHeader(http.StatusFound)
		_, _ = io.WriteString(w, strings.ToUpper(r.URL.RawQuery))
	})
	for _, path := range []string{"/", "/broken"} {
		r := request(t, url+path)
		sign := r.URL.Query().Get("Sign")
		x := s.Send(r)
		got := strings.ToLower(fmt.Sprint(x.Header, string(x.Body), x.Err, x.Judge()))
		if len(sign) != 64 || strings.Contains(got, sign) || !strings.Contains(got, "sign=redacted") {
			t.Errorf("%s: got %s", path, got)
		}
	}
}

func TestRedactURL(t *testing.T) {
	for s, want := range map[string]string{
		"https://h/p?a=b&Sign=abc":            "https://h/p?a=b&Sign=REDACTED",
		"https://h/p?sIGN=a%62c&%53ign=d&S=e": "https://h/p?sIGN=REDACTED&%53ign=REDACTED&S=e",
		"https://h/p":                         "https://h/p",
		"https://h/?%zz=1&Sign":               "https://h/?%zz=1&Sign=REDACTED",
	} {
		u, err := url.Parse(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := RedactURL(u); got != want || u.String() != s {
			t.Errorf("%s: got %s", s, got)
		}
	}
}

func TestJudgeNotesTheContentType(t *testing.T) {
	s, url := endpoint(t, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/html")
		_, _ = w.Write(callback.OK().JSON())
	})
	if v := s.Send(request(t, url)).Judge(); v.Failure != Taken || len(v.Notes) != 1 {
		t.Errorf("got %+v", v)
	}
}

func TestSendLate(t *testing.T) {
	s, url := endpoint(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(callback.OK().JSON()) })
	x := s.Send(request(t, url))
	x.Took = Timeout + 1
	if v := x.Judge(); v.Failure != FailTimeout {
		t.Errorf("got %+v", v)
	}
}

// TestSendTimesOutOnABusyMachine checks that the reported time is never shorter than the
// time-out, however long the sender is delayed between the two measurements.
func TestSendTimesOutOnABusyMachine(t *testing.T) {
	t.Parallel()
	s, url := endpoint(t, func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() })
	r := request(t, url)
	x := s.Send(r.WithContext(slowContext{r.Context()}))
	if v := x.Judge(); v.Failure != FailTimeout {
		t.Errorf("got %+v after %v", v, x.Took)
	}
}

// slowContext returns its deadline late, as if the process had to wait for a processor.
type slowContext struct{ context.Context }

func (c slowContext) Deadline() (time.Time, bool) {
	time.Sleep(100 * time.Millisecond)
	return c.Context.Deadline()
}

func TestSendKeepsAlive(t *testing.T) {
	s, url := endpoint(t, func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(callback.OK().JSON()) })
	for i := range 3 {
		if x := s.Send(request(t, url)); x.Reused != (i > 0) || x.TLS == nil {
			t.Errorf("%d: %+v", i, x)
		}
	}
}

func TestSendFails(t *testing.T) {
	s, url := endpoint(t, func(http.ResponseWriter, *http.Request) {})
	if v := NewSender(nil, 1).Send(request(t, url)).Judge(); v.Failure != FailTLS {
		t.Errorf("an untrusted certificate: %+v", v)
	}
	plain := httptest.NewServer(http.NotFoundHandler())
	defer plain.Close()
	if v := s.Send(request(t, strings.Replace(plain.URL, "http:", "https:", 1))).Judge(); v.Failure != FailTLS {
		t.Errorf("no TLS: %+v", v)
	}
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	l.Close()
	if v := s.Send(request(t, "https://"+l.Addr().String())).Judge(); v.Failure != FailConnection {
		t.Errorf("nobody there: %+v", v)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if v := s.Send(request(t, url).WithContext(ctx)).Judge(); v.Failure != FailCanceled {
		t.Errorf("interrupted: %+v", v)
	}
}

// endpoint starts a server with TLS, and returns a sender that trusts it and has a short
// time-out.
func endpoint(t *testing.T, handler http.HandlerFunc) (*Sender, string) {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body) // the context ends when the client hangs up only if the body was read
		handler(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	server.StartTLS()
	roots := x509.NewCertPool()
	roots.AddCert(server.Certificate())
	s := NewSender(&tls.Config{RootCAs: roots}, 1)
	t.Cleanup(func() {
		s.Close()
		server.CloseClientConnections()
		server.Close()
	})
	return s, server.URL
}

func request(t *testing.T, url string) *http.Request {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), time.Minute)
	t.Cleanup(cancel)
	r, err := callback.NewRequest(ctx, url, callback.Request{SDKAppID: "1", Command: "c", Token: "secret", Body: []byte("{}")})
	if err != nil {
		t.Fatal(err)
	}
	return r
}
