package faulttest

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"
)

// mode is how the backend behaves.
type mode int

const (
	up     mode = iota
	down        // answers 503
	refuse      // answers 404
	reset       // reads the request and breaks the connection
	hang        // does not answer until the client closes the connection
	slow        // answers after backend.delay
)

// arrival is an attempt to deliver an event that has reached the backend.
type arrival struct {
	subject string
	n       int // the number of the user's event
	id      string
	run     int  // the number of the configuration that sent it
	taken   bool // whether it was answered 200
}

// backend is a backend that records the events that it gets.
type backend struct {
	t    *testing.T
	addr string

	mu    sync.Mutex
	mode  mode
	of    map[string]mode // the modes of single users, by name
	delay time.Duration
	log   []*arrival
	open  int // how many requests hang or are slow
}

func newBackend(t *testing.T) *backend {
	b := &backend{t: t, of: make(map[string]mode), delay: time.Second}
	s := httptest.NewServer(b)
	b.addr = s.Listener.Addr().String()
	t.Cleanup(func() {
		s.CloseClientConnections() // this ends requests that hang
		s.Close()
	})
	return b
}

// ServeHTTP implements [http.Handler].
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the server was killed meanwhile
	}
	var event struct {
		FromAccount string                           `json:"from_account"`
		Custom      map[string]any                   `json:"custom"`
		Subject     string                           `json:"subject"`
		Data        struct{ CloudCustomData string } `json:"data"` // <user>/<number>
	}
	if err := json.Unmarshal(body, &event); err != nil {
		b.t.Errorf("the backend got %q: %v", body, err)
	}
	a := &arrival{subject: r.Header.Get("Ce-Subject"), id: r.Header.Get("Ce-Id")}
	a.run, _ = strconv.Atoi(r.Header.Get("X-Run"))
	text, _ := event.Custom["N"].(string)
	if user, number, ok := strings.Cut(event.Data.CloudCustomData, "/"); ok && a.subject == event.Subject {
		a.subject, event.FromAccount, text = user, user, number
	}
	if a.n, err = strconv.Atoi(text); err != nil || a.subject != event.FromAccount || a.id == "" || r.Header.Get("Ce-Specversion") != "1.0" {
		b.t.Errorf("the backend got %q with %q", body, r.Header)
	}

	b.mu.Lock()
	mode, ok := b.of[a.subject]
	if !ok {
		mode = b.mode
	}
	delay := b.delay
	a.taken = mode == up
	b.log = append(b.log, a)
	if mode == hang || mode == slow {
		b.open++
	}
	b.mu.Unlock()

	switch mode {
	case down:
		w.WriteHeader(http.StatusServiceUnavailable)
	case refuse:
		w.WriteHeader(http.StatusNotFound)
	case reset:
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	case hang:
		<-r.Context().Done()
		b.requestEnded(nil)
	case slow:
		select {
		case <-r.Context().Done():
			b.requestEnded(nil)
		case <-time.After(delay):
			b.requestEnded(a)
		}
	}
}

// requestEnded records that a hanging or slow request has ended. Unless a is nil it was answered 200.
func (b *backend) requestEnded(a *arrival) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.open--
	if a != nil {
		a.taken = true
	}
}

func (b *backend) set(m mode) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mode = m
}

// setFor sets a different mode for one user, or removes it if m is up.
func (b *backend) setFor(user string, m mode) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of[user] = m; m == up {
		delete(b.of, user)
	}
}

// flap makes the backend go down and up again and again until stop is called, which leaves it up.
func (b *backend) flap(r *rand.Rand) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	r = rand.New(rand.NewPCG(r.Uint64(), 0)) // since the goroutine needs its own
	wg.Go(func() {
		for {
			b.set([]mode{up, down, up, reset}[r.IntN(4)])
			select {
			case <-time.After(between(r, 10*time.Millisecond, 150*time.Millisecond)):
			case <-done:
				b.set(up)
				return
			}
		}
	})
	return func() { close(done); wg.Wait() }
}

// arrivals returns a copy of all arrivals until now.
func (b *backend) arrivals() []arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]arrival, len(b.log))
	for i, a := range b.log {
		list[i] = *a
	}
	return list
}

// count returns how many arrivals there are for which which returns true.
func (b *backend) count(which func(*arrival) bool) (n int) {
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, a := range b.log {
		if which(a) {
			n++
		}
	}
	return n
}

func (b *backend) opened() int {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.open
}
