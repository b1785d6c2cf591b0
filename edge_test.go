package timcallback

import (
	"bytes"
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// edge is a started Caddy: a real one in this process, with TLS of its own CA.
type edge struct {
	t            *testing.T
	dir          string
	port         int
	global       string
	sites        string
	adminAddress string
	log          string // file with the module's log lines
	cert         string // files with the server's certificate and key
	key          string
	client       *http.Client
	loads        atomic.Int32 // of configurations
	resent       atomic.Int64 // requests
}

// startEdge starts Caddy with an HTTPS site of these directives.
func startEdge(t *testing.T, site string) *edge {
	t.Helper()
	return startEdgeWith(t, "", "", site)
}

// startEdgeWith is startEdge with global options and further sites.
func startEdgeWith(t *testing.T, global, sites, site string) *edge {
	t.Helper()
	return (&edge{global: global, sites: sites}).start(t, site)
}

func (e *edge) start(t *testing.T, site string) *edge {
	t.Helper()
	e.t, e.dir, e.port = t, t.TempDir(), freePort(t)
	e.log = filepath.Join(e.dir, "tim.log")
	t.Cleanup(func() {
		if e.client != nil {
			e.client.CloseIdleConnections()
		}
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
		noGoroutineOfOurs(t)
	})
	ca := newAuthority(t)
	e.cert, e.key = ca.server(t)
	e.load(site)
	roots := x509.NewCertPool()
	roots.AddCert(ca.cert)
	e.client = &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 100},
	}
	return e
}

// load gives the running Caddy a configuration with another site.
func (e *edge) load(site string) {
	e.t.Helper()
	config := fmt.Sprintf(`{
	admin %s
	persist_config off
	auto_https disable_redirects
	grace_period 5s
	storage file_system %q
	log default {
		output file %q
		level DEBUG
	}
	log tim {
		include http.handlers.tim_callback
		output file %q
		level DEBUG
	}
	%s
}
https://localhost:%d {
	tls %q %q
	%s
}
%s`, cmp.Or(e.adminAddress, "off"), e.dir, filepath.Join(e.dir, "caddy.log"), e.log, e.global, e.port, e.cert, e.key, site, e.sites)
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(config), nil)
	if err != nil {
		e.t.Fatal(err)
	}
	if err := caddy.Load(adapted, true); err != nil {
		e.t.Fatal(err)
	}
	e.loads.Add(1)
}

func (e *edge) url() string { return fmt.Sprintf("https://localhost:%d/im/callback", e.port) }

// errUnsent is of a request that found no connection that was open until its answer.
var errUnsent = errors.New("not answered")

// send sends body with a query and returns status and answer, which must be
// one in valid JSON. After a reload it sends again what was not answered: the
// kernel resets what waits in a closing listener's queue.
func (e *edge) send(client *http.Client, query, body string) (int, profile.Answer, error) {
	for tries := 1; ; tries++ {
		status, answer, err := e.sendOnce(client, query, body)
		if !errors.Is(err, errUnsent) || e.loads.Load() < 2 || tries == 5 {
			return status, answer, err
		}
		e.resent.Add(1)
	}
}

func (e *edge) sendOnce(client *http.Client, query, body string) (int, profile.Answer, error) {
	req, err := http.NewRequest(http.MethodPost, e.url()+"?"+query, strings.NewReader(body))
	if err != nil {
		return 0, profile.Answer{}, err
	}
	// lets the transport send it again where a kept-alive connection turns out to be closed
	req.Header["X-Idempotency-Key"] = nil
	resp, err := client.Do(req)
	if err != nil {
		return 0, profile.Answer{}, errors.Join(errUnsent, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, profile.Answer{}, err
	}
	if resp.Header.Get("Content-Type") != "application/json" {
		return 0, profile.Answer{}, fmt.Errorf("answer of type %q", resp.Header.Get("Content-Type"))
	}
	parsed, err := profile.ParseAnswer(answer)
	if err != nil {
		return 0, profile.Answer{}, fmt.Errorf("answer %q: %w", answer, err)
	}
	return resp.StatusCode, parsed, nil
}

// want sends a callback that is signed now and checks how it is answered.
func (e *edge) want(status int, action string) time.Duration {
	e.t.Helper()
	start := time.Now()
	got, answer, err := e.send(e.client, signedQuery(), sample)
	took := time.Since(start)
	if err != nil {
		e.t.Fatal(err)
	}
	if got != status || answer.ActionStatus != action {
		e.t.Errorf("answered %d %+v, want %d %s", got, answer, status, action)
	}
	if took > 2*time.Second {
		e.t.Errorf("answered after %s, when Tencent has gone", took)
	}
	return took
}

// logged waits for a line of the module that has all the words.
func (e *edge) logged(words ...string) {
	e.t.Helper()
	eventually(e.t, func() bool {
		text, _ := os.ReadFile(e.log)
		for line := range strings.Lines(string(text)) {
			all := true
			for _, word := range words {
				all = all && strings.Contains(line, word)
			}
			if all {
				return true
			}
		}
		return false
	}, "no log line with %q", words)
}

// loggedNoSecrets looks through all that the module has logged.
func (e *edge) loggedNoSecrets() {
	e.t.Helper()
	text, err := os.ReadFile(e.log)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, secret := range []string{testToken, "Sign=", "nick1", "your custom data"} {
		if bytes.Contains(text, []byte(secret)) {
			e.t.Errorf("the log holds %q:\n%s", secret, text)
		}
	}
}

func eventually(t *testing.T, condition func() bool, format string, args ...any) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 10*time.Second)
	defer cancel()
	tick := time.NewTicker(5 * time.Millisecond)
	defer tick.Stop()
	for !condition() {
		select {
		case <-tick.C:
		case <-ctx.Done():
			t.Fatalf(format, args...)
		}
	}
}

// noGoroutineOfOurs fails if, once all is stopped, a goroutine is in this package.
func noGoroutineOfOurs(t *testing.T) {
	t.Helper()
	var stacks []byte
	left := func() bool {
		stacks = make([]byte, 1<<20)
		stacks = stacks[:runtime.Stack(stacks, true)]
		for stack := range bytes.SplitSeq(stacks, []byte("\n\n")) {
			if bytes.Contains(stack, []byte("caddy-tim-callback.(*")) && !bytes.Contains(stack, []byte("testing.tRunner")) {
				return true
			}
		}
		return false
	}
	for deadline := time.Now().Add(10 * time.Second); left(); time.Sleep(5 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Errorf("a goroutine is left:\n%s", stacks)
			return
		}
	}
}

func freePort(t *testing.T) int {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	return l.Addr().(*net.TCPAddr).Port
}

// startBackend starts an HTTP backend and returns its address.
func startBackend(t *testing.T, handler http.HandlerFunc) string {
	t.Helper()
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	return s.Listener.Addr().String()
}
