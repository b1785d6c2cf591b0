package faulttest

import (
	"encoding/json"
	"io"
	"math/rand/v2"
	"net"
	"net/http"
	"net/http/httptest"
	"strconv"
	"sync"
	"testing"
	"time"
)

// mode is how the backend behaves.
type mode int

const (
	up    mode = iota
	down       // answers 503
	reset      // reads the request and breaks the connection
	hang       // does not answer until the other side has gone
	slow       // answers late, see backend.delay
)

// arrival is an attempt to deliver that has reached the backend.
type arrival struct {
	subject string
	n       int // the user's event
	id      string
	run     int  // which configuration of the server sent it
	taken   bool // it was answered 200
}

// backend records what it gets.
type backend struct {
	t    *testing.T
	addr string

	mu    sync.Mutex
	mode  mode
	of    map[string]mode // for single users
	delay time.Duration
	log   []*arrival
	open  int // hanging or slow requests
}

func newBackend(t *testing.T) *backend {
	b := &backend{t: t, of: make(map[string]mode), delay: time.Second}
	s := httptest.NewServer(b)
	b.addr = s.Listener.Addr().String()
	t.Cleanup(func() {
		s.CloseClientConnections() // ends what hangs
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
		FromAccount string         `json:"from_account"`
		Custom      map[string]any `json:"custom"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		b.t.Errorf("the backend got %q: %v", body, err)
	}
	a := &arrival{subject: r.Header.Get("Ce-Subject"), id: r.Header.Get("Ce-Id")}
	a.run, _ = strconv.Atoi(r.Header.Get("X-Run"))
	text, _ := event.Custom["N"].(string)
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
	case reset:
		conn, _, err := w.(http.Hijacker).Hijack()
		if err == nil {
			conn.(*net.TCPConn).SetLinger(0)
			conn.Close()
		}
	case hang:
		<-r.Context().Done()
		b.ended(nil)
	case slow:
		select {
		case <-r.Context().Done():
			b.ended(nil)
		case <-time.After(delay):
			b.ended(a)
		}
	}
}

// ended notes the end of a hanging or slow request, and what it has taken.
func (b *backend) ended(a *arrival) {
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

// setFor has another mode for one user, or with up none any more.
func (b *backend) setFor(user string, m mode) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.of[user] = m; m == up {
		delete(b.of, user)
	}
}

// flap has the backend come and go until stop is called, which leaves it up.
func (b *backend) flap(r *rand.Rand) (stop func()) {
	done := make(chan struct{})
	var wg sync.WaitGroup
	r = rand.New(rand.NewPCG(r.Uint64(), 0)) // of a goroutine of its own
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

// arrivals is a copy of what has come so far.
func (b *backend) arrivals() []arrival {
	b.mu.Lock()
	defer b.mu.Unlock()
	list := make([]arrival, len(b.log))
	for i, a := range b.log {
		list[i] = *a
	}
	return list
}

// count counts arrivals.
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
