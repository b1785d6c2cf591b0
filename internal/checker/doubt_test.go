package checker

import (
	"context"
	"crypto/tls"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// right serves an endpoint that does everything right, and refuses with refuse.
func right(t *testing.T, refuse func(w http.ResponseWriter, r *http.Request, why string)) (*endpoint, Endpoint) {
	t.Helper()
	a := newAuthority(t)
	served := &endpoint{token: token, refuse: refuse}
	e := serve(t, served, a.chain(a.leaf(t, nil)), nil)
	e.TLS = a.trusted()
	return served, e
}

func TestWhatIsNoRefusal(t *testing.T) {
	for name, answer := range map[string]http.HandlerFunc{
		"no answer in time": func(_ http.ResponseWriter, r *http.Request) {
			_, _ = io.Copy(io.Discard, r.Body) // the context ends when the client hangs up only if the body was read
			<-r.Context().Done()
		},
		"a rate limit": func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusTooManyRequests) },
		"an answer that breaks off": func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Length", "100")
			_, _ = w.Write([]byte(`{"ActionStatus":"OK"`))
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, e := right(t, func(w http.ResponseWriter, r *http.Request, why string) {
				if why == "sign" {
					answer(w, r)
					return
				}
				w.WriteHeader(http.StatusForbidden)
			})
			e.Wait = 2 * time.Second // enough time for all other answers, even on a busy machine
			report := check(t, e)
			if got := names(report, NotTold); !slices.Equal(got, []string{"wrong_sign"}) || report.OK {
				t.Errorf("not told: %v, OK: %v", got, report.OK)
			}
		})
	}
}

// If no answer says OK or FAIL, an answer that differs from the first genuine callback's proves nothing.
func TestAnswersThatSayNothing(t *testing.T) {
	served, e := right(t, func(w http.ResponseWriter, _ *http.Request, _ string) { _, _ = w.Write([]byte(`{"code":1}`)) })
	served.accept = func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write([]byte(`{"code":0}`)) }
	served.lax = "no_sign"
	report := check(t, e)
	if got := names(report, Failed); !slices.Equal(got, []string{"answer", "no_sign"}) {
		t.Errorf("failed: %v", got)
	}
	for i, p := range probes {
		if f := report.Findings[i]; p.refusal && f.Result == Passed {
			t.Errorf("%s %s: %s", f.Name, f.Result, f.Detail)
		}
	}
}

// A connection that is closed between two requests is not a refusal of the second one.
func TestClosedConnection(t *testing.T) {
	a := newAuthority(t)
	served := &endpoint{token: token, lax: "method", events: map[int64]int{}}
	begun := map[string]bool{}
	e := serve(t, served, a.chain(a.leaf(t, nil)), func(s *httptest.Server) {
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet && begun[r.RemoteAddr] {
				panic(http.ErrAbortHandler)
			}
			begun[r.RemoteAddr] = true
			served.ServeHTTP(w, r)
		})
	})
	e.TLS = a.trusted()
	if got := names(check(t, e), Failed); !slices.Equal(got, []string{"method"}) {
		t.Errorf("failed: %v", got)
	}
}

// An endpoint that is restarting does not refuse anything.
func TestNoConnectionForAWhile(t *testing.T) {
	a := newAuthority(t)
	served := &endpoint{token: token}
	var down atomic.Bool
	e := serve(t, served, a.chain(a.leaf(t, nil)), func(s *httptest.Server) {
		s.TLS.GetConfigForClient = func(*tls.ClientHelloInfo) (*tls.Config, error) {
			if down.Swap(false) {
				return nil, errors.New("down")
			}
			return nil, nil
		}
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.Method == http.MethodGet {
				down.Store(true)
				w.Header().Set("Connection", "close")
			}
			served.ServeHTTP(w, r)
		})
	})
	e.TLS = a.trusted()
	report := check(t, e)
	if got := names(report, NotTold); !slices.Equal(got, []string{"wrong_app"}) || report.OK || report.Failed > 0 {
		t.Errorf("not told: %v, %+v", got, report)
	}
}

// An endpoint may close the connection long before the whole of a huge body has been sent.
func TestClosesEarly(t *testing.T) {
	a := newAuthority(t)
	served := &endpoint{token: token}
	e := serve(t, served, a.chain(a.leaf(t, nil)), func(s *httptest.Server) {
		s.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
			if r.ContentLength > 64<<10 {
				conn, _, err := http.NewResponseController(w).Hijack()
				if err != nil {
					t.Error(err)
					return
				}
				conn.Close()
				return
			}
			served.ServeHTTP(w, r)
		})
	})
	e.TLS = a.trusted()
	report := check(t, e)
	if f := find(report, "huge_body"); f.Result != Passed || !report.OK {
		t.Errorf("%s: %s", f.Result, f.Detail)
	}
}

// If the last genuine callback could not be sent, refusals prove nothing.
func TestInterrupted(t *testing.T) {
	for name, stop := range map[string]func(*Endpoint, context.CancelFunc){
		"interrupted":   func(_ *Endpoint, cancel context.CancelFunc) { cancel() },
		"out of budget": func(e *Endpoint, _ context.CancelFunc) { <-time.After(e.Budget) },
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, e := right(t, nil)
			e.Budget = 5 * time.Second
			ctx, cancel := context.WithCancel(t.Context())
			defer cancel()
			report, err := Run(ctx, e, func(done, of int, title string) {
				if of != len(probes) || title != probes[done].title {
					t.Errorf("%d of %d: %s", done, of, title)
				}
				if probes[done].name == "stale" {
					stop(&e, cancel)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			for i, f := range report.Findings {
				late := i >= slices.IndexFunc(probes, func(p probe) bool { return p.name == "stale" })
				if want := late || probes[i].refusal; want != (f.Result == NotTold) && f.Result != Skipped {
					t.Errorf("%s %s: %s", f.Name, f.Result, f.Detail)
				}
				if late && f.Result != NotTold {
					t.Errorf("%s %s after the end", f.Name, f.Result)
				}
			}
			if report.OK || report.Failed > 0 {
				t.Errorf("got %+v", report)
			}
		})
	}
}

func TestLeavesNothingBehind(t *testing.T) {
	served, e := right(t, nil)
	served.lax = "huge_body"
	before := runtime.NumGoroutine()
	check(t, e)
	for deadline := time.Now().Add(5 * time.Second); runtime.NumGoroutine() > before; {
		if time.Now().After(deadline) {
			t.Fatalf("%d goroutines were %d before", runtime.NumGoroutine(), before)
		}
		time.Sleep(5 * time.Millisecond)
	}
}

func TestNobodyThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	e := Endpoint{URL: strings.Replace(server.URL, "http:", "https:", 1), SDKAppID: app, Token: token}
	report := check(t, e)
	if got := names(report, Failed); !slices.Equal(got, []string{"tls", "accepts"}) || report.Passed > 0 {
		t.Errorf("failed: %v, passed: %v", got, names(report, Passed))
	}
}

func TestHTTPOnly(t *testing.T) {
	served, e := right(t, nil)
	served.lax = "plain_http"
	e.URL, e.PlainURL, e.TLS = e.PlainURL, "", nil
	report := check(t, e)
	if got := names(report, Failed); !slices.Equal(got, []string{"tls", "plain_http"}) {
		t.Errorf("failed: %v", got)
	}
	if got := find(report, "chain"); got.Result != Skipped {
		t.Errorf("got %+v", got)
	}
}

func TestMalformed(t *testing.T) {
	for _, e := range []Endpoint{
		{URL: "https://[::1"},
		{URL: "https://example.com", PlainURL: "https://example.com"},
		{URL: "https://example.com", PlainURL: "http://"},
	} {
		if _, err := Run(t.Context(), e, nil); err == nil {
			t.Errorf("%+v is accepted", e)
		}
	}
}

// Texts that an endpoint repeats are shown without secrets and escape sequences.
func TestClean(t *testing.T) {
	s := &session{Endpoint: Endpoint{Token: token}, url: &url.URL{RawQuery: "key=1"}}
	sign := callback.Sign(token, "1669872112")
	for text, want := range map[string]string{
		"Sign=" + sign + "!":            "Sign=…!",
		"Sign " + strings.ToUpper(sign): "Sign …",
		"/im/callback?key=1&a":          "/im/callback?…&a",
		"token " + token:                "token …",
		"\x1b[31mred\r\n two":           "\ufffd[31mred two",
		strings.Repeat("字", 200):        strings.Repeat("字", 160) + "…",
	} {
		if got := s.clean(text); got != want {
			t.Errorf("%q: got %q, want %q", text, got, want)
		}
	}
}

func TestRepeatedSecrets(t *testing.T) {
	_, e := right(t, func(w http.ResponseWriter, r *http.Request, _ string) {
		w.WriteHeader(http.StatusForbidden)
		_, _ = w.Write(callback.Fail(r.URL.RawQuery + " " + token).JSON())
	})
	if report := check(t, e); !report.OK {
		t.Errorf("got %+v", report)
	}
}
