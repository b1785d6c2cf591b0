package command_test

import (
	"crypto/tls"
	"crypto/x509"
	"encoding/pem"
	"io"
	"log"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

// endpoint starts an endpoint with TLS that answers with handler, correctly or not. If
// wantsCert is true, it demands a client certificate.
func endpoint(t *testing.T, wantsCert bool, handler http.HandlerFunc) *httptest.Server {
	t.Helper()
	server := httptest.NewUnstartedServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body) // the context ends when the client hangs up only if the body was read
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		handler(w, r)
	}))
	server.Config.ErrorLog = log.New(io.Discard, "", 0)
	if wantsCert {
		server.TLS = &tls.Config{ClientAuth: tls.RequireAnyClientCert}
	}
	server.StartTLS()
	t.Cleanup(func() {
		server.CloseClientConnections()
		server.Close()
	})
	return server
}

// takes is the handler of an endpoint that accepts every callback.
func takes(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write(callback.OK().JSON())
}

func TestSendJudges(t *testing.T) {
	for name, test := range map[string]struct {
		handler http.HandlerFunc
		want    tencent.Failure
		text    string // what the text for people contains
	}{
		"created": {func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusCreated) },
			tencent.FailStatus, "Tencent would not accept this answer: status 201 Created instead of 200 (status)\n"},
		"page": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "<html>\x1b[31m") },
			tencent.FailJSON, "Tencent would not accept this answer: the body is not JSON (not_json)\n"},
		"other JSON": {func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, `{"code":0}`) },
			tencent.FailFields, "ActionStatus, ErrorCode and ErrorInfo are\n  required (fields)\n"},
		"huge": {func(w http.ResponseWriter, _ *http.Request) { _, _ = w.Write(make([]byte, callback.MaxAnswer+1)) },
			tencent.FailTooLarge, "the body has over 65536 bytes (too_large)\n"},
		"no answer": {func(http.ResponseWriter, *http.Request) { panic(http.ErrAbortHandler) },
			tencent.FailConnection, "Tencent would get no answer: the connection was closed without an answer\n  (connection)\n"},
		"hangs": {func(_ http.ResponseWriter, r *http.Request) { <-r.Context().Done() },
			tencent.FailTimeout, "Tencent would get no answer: no complete answer within 2s (timeout)\n"},
	} {
		t.Run(name, func(t *testing.T) {
			server := endpoint(t, false, test.handler)
			report, code := sent(t, server.URL, "--insecure")
			if code != 1 || report.AllTaken || report.Callback.Taken || report.Callback.Failure != test.want ||
				report.Failures[test.want] == nil || report.Failures[test.want].Example != report.Callback.Detail {
				t.Errorf("got %+v, exit code %d", report, code)
			}
			r := send(t, server.URL, "--insecure")
			if r.Code != 1 || r.Stderr != "" || !strings.Contains(r.Stdout, test.text) || strings.Contains(r.Stdout, "\x1b") {
				t.Errorf("got %+v, want %q", r, test.text)
			}
		})
	}
}

func TestSendToNobody(t *testing.T) {
	server := endpoint(t, false, takes)
	server.Close()
	report, code := sent(t, server.URL, "--count", "2")
	if code != 1 || report.Sent != 2 || report.Connections != 0 || report.Failures[tencent.FailConnection].Count != 2 {
		t.Errorf("got %+v, exit code %d", report, code)
	}
}

// An answer that Tencent accepts may still have faults.
func TestSendNotes(t *testing.T) {
	server := endpoint(t, false, func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/plain")
		_, _ = w.Write(callback.Fail("no").JSON())
	})
	r := send(t, server.URL, "--insecure")
	if r.Code != 0 || strings.Count(r.Stdout, "\nNote: ") != 3 || !strings.Contains(r.Stdout, "\nNote: the answer says FAIL\n") {
		t.Errorf("got %+v", r)
	}
	if report, code := sent(t, server.URL, "--insecure", "--count", "2"); code != 0 || report.Taken != 2 || report.SaidFail != 2 {
		t.Errorf("got %+v", report)
	}
}

func TestSendOverPlainHTTP(t *testing.T) {
	server := httptest.NewServer(http.HandlerFunc(takes))
	defer server.Close()
	report, code := sent(t, server.URL)
	if code != 0 || report.Callback.TLS != nil || !slices.ContainsFunc(report.Callback.Notes, func(n string) bool { return strings.Contains(n, "plain HTTP") }) {
		t.Errorf("got %+v", report)
	}
}

// Secrets are not printed, whatever the endpoint and its certificate are like.
func TestSendKeepsTheSignSecret(t *testing.T) {
	signs := make(chan string, 10)
	server := endpoint(t, false, func(w http.ResponseWriter, r *http.Request) {
		signs <- r.URL.Query().Get("Sign")
		w.Header().Set("Server", r.URL.RawQuery)
		w.WriteHeader(http.StatusBadRequest)
		_, _ = w.Write(callback.Fail(r.URL.String()).JSON())
	})
	for _, args := range [][]string{{}, {"--json"}, {"--count", "2"}, {"--count", "2", "--json"}} {
		r := send(t, server.URL, append(args, "--insecure")...)
		output := r.Stdout + r.Stderr
		if r.Code != 1 || !strings.Contains(output, "REDACTED") {
			t.Errorf("%v: got %+v", args, r)
		}
		for len(signs) > 0 {
			if sign := <-signs; len(sign) != 64 || strings.Contains(output, sign) {
				t.Errorf("%v: the Sign %q is in the output: %s", args, sign, output)
			}
		}
	}
}

func TestSendOtherCommand(t *testing.T) {
	const body = `{"CallbackCommand":"State.StateChange","Info":{}}`
	got := make(chan string, 1)
	server := endpoint(t, false, func(w http.ResponseWriter, r *http.Request) {
		received, _ := io.ReadAll(r.Body)
		got <- r.URL.Query().Get("CallbackCommand") + " " + string(received)
		takes(w, r)
	})
	t.Setenv("TIM_CALLBACK_TOKEN", sendToken)
	cmd := caddytest.Command(t, t.TempDir(), sendArgs(server.URL, "--insecure", "--command", "State.StateChange", "--body", "-")...)
	cmd.Stdin = strings.NewReader(body)
	output, err := cmd.CombinedOutput()
	if err != nil {
		t.Fatalf("%v: %s", err, output)
	}
	if s := <-got; s != "State.StateChange "+body {
		t.Errorf("got %s", s)
	}
}

func TestSendClientCertificate(t *testing.T) {
	server := endpoint(t, true, takes)
	report, code := sent(t, server.URL, "--insecure")
	if code != 1 || report.Callback.Failure != tencent.FailTLS {
		t.Errorf("without: got %+v", report)
	}
	pair := server.TLS.Certificates[0]
	key, err := x509.MarshalPKCS8PrivateKey(pair.PrivateKey)
	if err != nil {
		t.Fatal(err)
	}
	dir := t.TempDir()
	write := func(name, kind string, der []byte) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, pem.EncodeToMemory(&pem.Block{Type: kind, Bytes: der}), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	certFile, keyFile := write("cert.pem", "CERTIFICATE", pair.Certificate[0]), write("key.pem", "PRIVATE KEY", key)
	report, code = sent(t, server.URL, "--cacert", certFile, "--cert", certFile, "--key", keyFile, "--count", "2")
	if code != 0 || report.Taken != 2 || report.Connections != 1 {
		t.Errorf("with: got %+v", report)
	}
}
