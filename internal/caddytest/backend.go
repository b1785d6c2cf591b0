package caddytest

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Backend is a backend that records the requests that it gets.
type Backend struct {
	Address string

	mu       sync.Mutex
	status   int
	requests []*http.Request
	bodies   []string
}

// TakenUser is in the names of the users whose events a [Backend] always takes. An
// event becomes a dead letter by refusals only while the backend takes others.
const TakenUser = "taken"

// StartBackend starts a backend that takes everything, with status 204.
func StartBackend(tb testing.TB) *Backend {
	tb.Helper()
	b := &Backend{status: http.StatusNoContent}
	b.Address = Serve(tb, func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		b.mu.Lock()
		defer b.mu.Unlock()
		b.requests = append(b.requests, r)
		b.bodies = append(b.bodies, string(body))
		if !strings.Contains(r.Header.Get("Ce-Subject"), TakenUser) {
			w.WriteHeader(b.status)
		}
	})
	return b
}

// Answer changes the status of the backend's answers.
func (b *Backend) Answer(status int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.status = status
}

// Got returns the requests until now, and their bodies.
func (b *Backend) Got() (requests []*http.Request, bodies []string) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.requests[:len(b.requests):len(b.requests)], b.bodies[:len(b.bodies):len(b.bodies)]
}

// Forget forgets the requests until now.
func (b *Backend) Forget() {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.requests, b.bodies = nil, nil
}

// Serve serves HTTP until the test ends, and returns the address.
func Serve(tb testing.TB, handler http.HandlerFunc) (address string) {
	tb.Helper()
	s := httptest.NewServer(handler)
	tb.Cleanup(s.Close)
	return s.Listener.Addr().String()
}
