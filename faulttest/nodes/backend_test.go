package nodes

import (
	"encoding/json"
	"io"
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
	up     mode = iota
	down        // answers 503
	refuse      // answers 404
	slow        // answers after backend.delay
	hang        // answers once another mode is set
)

// arrival is an attempt to deliver an event that has reached the backend.
type arrival struct {
	user     string
	n        int // the number of the user's event
	id       string
	sequence string
	node     string // whose attempt it is, and the number of that node's run
	at       time.Time
	taken    time.Time // when it was answered 200; zero if it was not
}

// backend records the events that it gets.
type backend struct {
	t    *testing.T
	addr string

	mu      sync.Mutex
	mode    mode
	changed chan struct{}   // is closed when a mode changes
	of      map[string]mode // the modes of single users and nodes
	delay   time.Duration
	log     []*arrival
	open    int // requests that are not answered
}

func newBackend(t *testing.T) *backend {
	b := &backend{t: t, of: make(map[string]mode), delay: time.Second, changed: make(chan struct{})}
	s := httptest.NewServer(b)
	b.addr = s.Listener.Addr().String()
	t.Cleanup(func() {
		s.CloseClientConnections()
		s.Close()
	})
	return b
}

// ServeHTTP implements [http.Handler].
func (b *backend) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return // the node was killed meanwhile
	}
	var event struct {
		FromAccount string            `json:"from_account"`
		Custom      map[string]string `json:"custom"`
	}
	if err := json.Unmarshal(body, &event); err != nil {
		b.t.Errorf("the backend got %q: %v", body, err)
	}
	a := &arrival{user: event.FromAccount, id: r.Header.Get("Ce-Id"), sequence: r.Header.Get("Ce-Sequence"), node: r.Header.Get("X-Node"), at: time.Now()}
	if a.n, err = strconv.Atoi(event.Custom["N"]); err != nil || a.id == "" || a.sequence == "" || r.Header.Get("Ce-Subject") != a.user {
		b.t.Errorf("the backend got %q with %q", body, r.Header)
	}

	b.mu.Lock()
	defer b.mu.Unlock()
	b.log = append(b.log, a)
	b.open++
	defer func() { b.open-- }()
	for {
		m, delay, changed := b.modeOf(a), time.Duration(1<<62), b.changed
		if m == slow {
			delay = b.delay - time.Since(a.at)
		}
		switch {
		case m == down:
			w.WriteHeader(http.StatusServiceUnavailable)
			return
		case m == refuse:
			w.WriteHeader(http.StatusNotFound)
			return
		case m == up, delay <= 0:
			a.taken = time.Now()
			return
		}
		timer := time.NewTimer(delay)
		b.mu.Unlock()
		select {
		case <-r.Context().Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
		b.mu.Lock()
		if r.Context().Err() != nil {
			return
		}
	}
}

func (b *backend) modeOf(a *arrival) mode {
	for _, name := range []string{a.user, a.node} {
		if m, ok := b.of[name]; ok {
			return m
		}
	}
	return b.mode
}

func (b *backend) set(m mode) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.mode = m
	close(b.changed)
	b.changed = make(chan struct{})
}

// setOf sets another mode for one user, or for a run of a node.
func (b *backend) setOf(name string, m mode) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.of[name] = m
	close(b.changed)
	b.changed = make(chan struct{})
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

func (a *arrival) wasTaken() bool { return !a.taken.IsZero() }
