package caddytest

import (
	"bytes"
	"cmp"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

// Edge is a started Caddy: a real one in this process, with a certificate of its own
// CA. Its client trusts that CA.
type Edge struct {
	// What the test may set before it starts the Edge.
	Global       string // further global options
	Sites        string // further sites
	AdminAddress string // of the admin endpoint; "" for none

	Dir    string // the test's own
	Port   int
	CA     *Authority
	Client *http.Client
	Resent atomic.Int64 // requests that had to be sent again after a reload

	t         *testing.T
	log       string // file with the module's log lines
	cert, key string // files of the server's certificate
	loads     atomic.Int32
}

// StartEdge starts Caddy with an HTTPS site of these directives.
func StartEdge(t *testing.T, site string) *Edge {
	t.Helper()
	return new(Edge).Start(t, site)
}

// Start starts Caddy with an HTTPS site of these directives. It is stopped when the
// test ends.
func (e *Edge) Start(t *testing.T, site string) *Edge {
	t.Helper()
	e.t, e.Dir, e.Port = t, t.TempDir(), FreePort()
	e.log = filepath.Join(e.Dir, "tim.log")
	t.Cleanup(func() {
		if e.Client != nil {
			e.Client.CloseIdleConnections()
		}
		if err := caddy.Stop(); err != nil {
			t.Error(err)
		}
		NoGoroutineLeft(t)
	})
	e.CA = NewAuthority(t)
	e.cert, e.key = e.CA.ServerFiles(t)
	e.Load(site)
	e.Client = &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: e.CA.Pool()}, MaxIdleConnsPerHost: 100},
	}
	return e
}

// Load gives the running Caddy a configuration with another site.
func (e *Edge) Load(site string) {
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
%s`, cmp.Or(e.AdminAddress, "off"), e.Dir, filepath.Join(e.Dir, "caddy.log"), e.log, e.Global, e.Port, e.cert, e.key, site, e.Sites)
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(config), nil)
	if err != nil {
		e.t.Fatal(err)
	}
	e.loads.Add(1) // callbacks are sent again from here on, not only once it is done
	if err := caddy.Load(adapted, true); err != nil {
		e.t.Fatal(err)
	}
}

// URL returns the callback URL.
func (e *Edge) URL() string { return fmt.Sprintf("https://localhost:%d/im/callback", e.Port) }

// errUnsent is the error of a request whose connection was closed before the answer.
var errUnsent = errors.New("not answered")

// Send sends a body with a query and returns the status and the answer, which must be
// a callback answer. After a reload it sends a request again that was not answered:
// the kernel resets connections that wait in the queue of a listener that closes.
func (e *Edge) Send(client *http.Client, query, body string) (int, callback.Answer, error) {
	for began := time.Now(); ; {
		status, answer, err := e.sendOnce(client, query, body)
		if !errors.Is(err, errUnsent) || e.loads.Load() < 2 || time.Since(began) > 5*time.Second {
			return status, answer, err
		}
		e.Resent.Add(1)
	}
}

func (e *Edge) sendOnce(client *http.Client, query, body string) (int, callback.Answer, error) {
	req, err := http.NewRequest(http.MethodPost, e.URL()+"?"+query, strings.NewReader(body))
	if err != nil {
		return 0, callback.Answer{}, err
	}
	// lets the transport send it again where a kept-alive connection turns out to be closed
	req.Header["X-Idempotency-Key"] = nil
	resp, err := client.Do(req)
	if err != nil {
		return 0, callback.Answer{}, errors.Join(errUnsent, err)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, callback.Answer{}, err
	}
	if resp.Header.Get("Content-Type") != "application/json" {
		return 0, callback.Answer{}, fmt.Errorf("answer of type %q", resp.Header.Get("Content-Type"))
	}
	parsed, err := callback.ParseAnswer(answer)
	if err != nil {
		return 0, callback.Answer{}, fmt.Errorf("answer %q: %w", answer, err)
	}
	return resp.StatusCode, parsed, nil
}

// Want sends a callback that is signed now and checks how it is answered.
func (e *Edge) Want(status int, action string) time.Duration {
	e.t.Helper()
	start := time.Now()
	got, answer, err := e.Send(e.Client, SignedQuery(), sample.Body)
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

// Logged waits for a line of the module that has all the words.
func (e *Edge) Logged(words ...string) {
	e.t.Helper()
	Eventually(e.t, func() bool {
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

// LoggedNoSecrets looks through all that the module has logged.
func (e *Edge) LoggedNoSecrets() {
	e.t.Helper()
	text, err := os.ReadFile(e.log)
	if err != nil {
		e.t.Fatal(err)
	}
	for _, secret := range []string{sample.Token, "Sign=", "nick1", "your custom data"} {
		if bytes.Contains(text, []byte(secret)) {
			e.t.Errorf("the log holds %q:\n%s", secret, text)
		}
	}
}
