package timcallback

import (
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"fmt"
	"io"
	"math/big"
	"net"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	_ "github.com/caddyserver/caddy/v2/modules/standard"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// edge is a started Caddy: a real one in this process, with TLS of its own CA.
type edge struct {
	t      *testing.T
	dir    string
	port   int
	config string // of the whole Caddyfile, with this edge's storage and logs
	log    string // file with the module's log lines
	client *http.Client
}

// startEdge starts Caddy with a site of these directives. Global options and
// further sites may stand before it, after "---" each.
func startEdge(t *testing.T, site string) *edge {
	t.Helper()
	e := &edge{t: t, dir: t.TempDir(), port: freePort(t)}
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
	e.load(site)
	pem, err := os.ReadFile(filepath.Join(e.dir, "pki", "authorities", "local", "root.crt"))
	if err != nil {
		t.Fatal(err)
	}
	roots := x509.NewCertPool()
	roots.AppendCertsFromPEM(pem)
	e.client = &http.Client{
		Timeout:   10 * time.Second,
		Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: roots}, MaxIdleConnsPerHost: 100},
	}
	return e
}

// load gives the running Caddy this configuration; the site's block follows
// what comes before "---", which are global options.
func (e *edge) load(site string) {
	e.t.Helper()
	global, site, found := strings.Cut(site, "---")
	if !found {
		global, site = "", global
	}
	e.config = fmt.Sprintf(`{
	admin off
	persist_config off
	skip_install_trust
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
	tls internal
	%s
}`, e.dir, filepath.Join(e.dir, "caddy.log"), e.log, global, e.port, site)
	adapted, _, err := caddyconfig.GetAdapter("caddyfile").Adapt([]byte(e.config), nil)
	if err != nil {
		e.t.Fatal(err)
	}
	if err := caddy.Load(adapted, true); err != nil {
		e.t.Fatal(err)
	}
}

func (e *edge) url() string { return fmt.Sprintf("https://localhost:%d/im/callback", e.port) }

// send sends body with a query and returns status and answer, which must be
// one in valid JSON.
func (e *edge) send(client *http.Client, query, body string) (int, profile.Answer, error) {
	resp, err := client.Post(e.url()+"?"+query, "application/json", strings.NewReader(body))
	if err != nil {
		return 0, profile.Answer{}, err
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

// authority is a CA for client certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
	file string // its certificate in PEM
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	a := new(authority)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "Test CA"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der := a.issue(t, template, template)
	a.cert, _ = x509.ParseCertificate(der)
	a.file = filepath.Join(t.TempDir(), "ca.crt")
	if err := os.WriteFile(a.file, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: der}), 0o600); err != nil {
		t.Fatal(err)
	}
	return a
}

// issue signs template, for a key that becomes the authority's own if it has none.
func (a *authority) issue(t *testing.T, template, parent *x509.Certificate) []byte {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	if a.key == nil {
		a.key = key
	}
	der, err := x509.CreateCertificate(rand.Reader, template, parent, &a.key.PublicKey, a.key)
	if err != nil {
		t.Fatal(err)
	}
	return der
}

// client returns a client certificate of the authority.
func (a *authority) client(t *testing.T) tls.Certificate {
	t.Helper()
	der := a.issue(t, &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: "Test client"},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour),
		KeyUsage: x509.KeyUsageDigitalSignature, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageClientAuth},
	}, a.cert)
	return tls.Certificate{Certificate: [][]byte{der}, PrivateKey: a.key}
}
