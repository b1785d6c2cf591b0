package timcallback

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/profile"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// discardWriter is a ResponseWriter that costs nothing.
type discardWriter struct {
	header http.Header
	status int
}

func (w *discardWriter) Header() http.Header             { return w.header }
func (w *discardWriter) WriteHeader(status int)          { w.status = status }
func (w *discardWriter) Write(b []byte) (int, error)     { return len(b), nil }
func (w *discardWriter) SetReadDeadline(time.Time) error { return nil }

type nopBody struct{ strings.Reader }

func (*nopBody) Close() error { return nil }

// benchmarkServeHTTP serves the documented sample, signed, again and again.
// What Caddy's server does for a request is not in the figure.
func benchmarkServeHTTP(b *testing.B, configure func(*Handler), next func(http.ResponseWriter, *http.Request) error, status int) {
	benchmarkHandler(b, benchmarked(b, configure), next, status)
}

func benchmarked(b *testing.B, configure func(*Handler)) *Handler {
	h, _ := provisioned(b, func(h *Handler) {
		configure(h)
		h.MaxAge = caddy.Duration(time.Hour) // the benchmark may run longer than a Sign is fresh
	})
	h.logger = zap.NewNop()
	return h
}

func benchmarkHandler(b *testing.B, h *Handler, next func(http.ResponseWriter, *http.Request) error, status int) {
	w := &discardWriter{header: make(http.Header)}
	body := new(nopBody)
	query := signedQuery()
	var template *http.Request
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		if n%256 == 0 {
			template = tlsRequest("POST", query, sample) // its replacer remembers every callback
		}
		body.Reset(sample)
		r := *template
		r.Body = body
		clear(w.header)
		clear(r.Header)
		_ = h.ServeHTTP(w, &r, caddyhttp.HandlerFunc(next))
	}
	if w.status != status {
		b.Fatalf("status %d", w.status)
	}
}

func BenchmarkServeHTTPAck(b *testing.B) {
	benchmarkServeHTTP(b, func(h *Handler) { h.Answer = AnswerAck }, nil, http.StatusOK)
}

// BenchmarkServeHTTPQueue has a store that costs nothing.
func BenchmarkServeHTTPQueue(b *testing.B) {
	h := benchmarked(b, func(h *Handler) { h.Answer = AnswerAck })
	h.Queue = &Queue{Name: b.Name()}
	shared := useQueue(b.Name())
	defer shared.release()
	store := queue.Store(nullStore{})
	shared.store.Store(&store)
	h.declared = &declaredQueue{owner: &owner{queue: h.Queue, shared: shared}}
	benchmarkHandler(b, h, nil, http.StatusOK)
}

type nullStore struct{ queue.Store }

func (nullStore) Put(context.Context, queue.Event) (bool, error) { return true, nil }
func (nullStore) Close() error                                   { return nil }

func BenchmarkServeHTTPForward(b *testing.B) {
	answer := profile.OK().JSON()
	benchmarkServeHTTP(b, func(*Handler) {}, func(w http.ResponseWriter, r *http.Request) error {
		_, _ = io.Copy(io.Discard, r.Body)
		_, _ = w.Write(answer)
		return nil
	}, http.StatusOK)
}

func BenchmarkServeHTTPRefuse(b *testing.B) {
	benchmarkServeHTTP(b, func(h *Handler) { h.Apps[0].Tokens = []string{"other"} }, nil, http.StatusUnauthorized)
}
