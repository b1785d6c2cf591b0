package timcallback

import (
	"context"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"

	"go.uber.org/zap"
	"go.uber.org/zap/zapcore"
	"go.uber.org/zap/zaptest/observer"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

// provisioned returns a handler for sample.SDKAppID, changed by configure, and what it logs.
func provisioned(tb testing.TB, configure func(*Handler)) (*Handler, *observer.ObservedLogs) {
	tb.Helper()
	h := &Handler{Apps: []App{{SDKAppID: sample.SDKAppID, Tokens: []string{sample.Token}}}}
	if configure != nil {
		configure(h)
	}
	ctx, cancel := caddy.NewContext(caddy.Context{Context: context.Background()})
	tb.Cleanup(cancel)
	if err := h.Provision(ctx); err != nil {
		tb.Fatal(err)
	}
	core, logs := observer.New(zapcore.DebugLevel)
	h.logger = zap.New(core)
	return h, logs
}

// tlsRequest is a request as Caddy's server hands it to a handler.
func tlsRequest(method, query, body string) *http.Request {
	r := httptest.NewRequest(method, "https://im.example.com/im/callback?"+query, strings.NewReader(body))
	r.TLS.HandshakeComplete = true
	repl := caddy.NewReplacer()
	return caddyhttp.PrepareRequest(r, repl, nil, nil)
}

// serve runs the handler and checks what holds for every answer: one, in JSON.
func serve(tb testing.TB, h *Handler, r *http.Request, next caddyhttp.HandlerFunc) (*httptest.ResponseRecorder, callback.Answer) {
	tb.Helper()
	if next == nil {
		next = func(http.ResponseWriter, *http.Request) error {
			tb.Error("the next handler was called")
			return nil
		}
	}
	w := &onceWriter{ResponseRecorder: httptest.NewRecorder()}
	if err := h.ServeHTTP(w, r, next); err != nil {
		tb.Errorf("ServeHTTP returned %v", err)
	}
	if w.headers != 1 {
		tb.Errorf("%d answers, want 1", w.headers)
	}
	if got := w.Header().Get("Content-Type"); got != "application/json" {
		tb.Errorf("Content-Type %q", got)
	}
	a, err := callback.ParseAnswer(w.Body.Bytes())
	if err != nil {
		tb.Errorf("answer %q: %v", w.Body, err)
	}
	if !json.Valid(w.Body.Bytes()) {
		tb.Errorf("answer %q is not JSON", w.Body)
	}
	return w.ResponseRecorder, a
}

// onceWriter counts the answers.
type onceWriter struct {
	*httptest.ResponseRecorder
	headers int
}

func (w *onceWriter) WriteHeader(status int) {
	w.headers++
	w.ResponseRecorder.WriteHeader(status)
}

// Write writes the header too, if nothing did before.
func (w *onceWriter) Write(b []byte) (int, error) {
	if w.headers == 0 {
		w.WriteHeader(http.StatusOK)
	}
	return w.ResponseRecorder.Write(b)
}

func (w *onceWriter) Unwrap() http.ResponseWriter { return w.ResponseRecorder }

// noSecrets fails if any of the log entries has the secret.
func noSecrets(tb testing.TB, logs *observer.ObservedLogs, secrets ...string) {
	tb.Helper()
	encoder := zapcore.NewJSONEncoder(zap.NewProductionEncoderConfig())
	for _, entry := range logs.All() {
		line, err := encoder.EncodeEntry(entry.Entry, entry.Context)
		if err != nil {
			tb.Fatal(err)
		}
		for _, secret := range secrets {
			if strings.Contains(line.String(), secret) {
				tb.Errorf("a log line holds a secret: %s", line)
			}
		}
	}
}
