package pgtest

import (
	"net"
	"sync"
	"testing"
	"time"
)

// Proxy is a TCP proxy before a server. A test loses or delays with it what goes over
// the connections. All its methods may be called from any goroutine.
type Proxy struct {
	listener net.Listener
	running  sync.WaitGroup

	mu      sync.Mutex // for the rest
	changed *sync.Cond
	target  string
	cut     bool
	frozen  bool
	closed  bool
	writing int // writes that go on
	links   map[*link]bool
	losses  []*loss
}

// NewProxy starts a proxy that connects to an address. It is closed at the end of the
// test.
func NewProxy(tb testing.TB, target string) *Proxy {
	tb.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		tb.Fatal(err)
	}
	p := &Proxy{listener: l, target: target, links: make(map[*link]bool)}
	p.changed = sync.NewCond(&p.mu)
	p.running.Go(p.accept)
	tb.Cleanup(func() {
		ended := make(chan struct{})
		go func() {
			p.close()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(limit):
			tb.Errorf("the proxy of %s did not end within %s", target, limit)
		}
	})
	return p
}

// Addr returns the address of the proxy, "127.0.0.1:<port>".
func (p *Proxy) Addr() string { return p.listener.Addr().String() }

// DSN returns the URL of a database by way of the proxy, for the superuser.
func (p *Proxy) DSN(database string) string { return DSNAt(p.Addr(), superuser, "", database) }

// Point lets new connections go to another address. Those that are there stay.
func (p *Proxy) Point(target string) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.target = target
}

// Cut resets all connections, and new ones as soon as they are made, until [Proxy.Heal].
func (p *Proxy) Cut() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = true
	p.resetAll()
}

// Reset resets the connections that are there.
func (p *Proxy) Reset() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.resetAll()
}

// Heal ends what [Proxy.Cut] has begun.
func (p *Proxy) Heal() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.cut = false
}

// Freeze lets nothing through in either direction, not even the end of a connection,
// until [Proxy.Thaw]. Connections stay open, and new ones are accepted, but nobody
// answers. Nothing moves any more once it returns.
func (p *Proxy) Freeze() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = true
	for k := range p.links {
		k.deadline(time.Now())
	}
	for p.frozen && p.writing > 0 {
		p.changed.Wait()
	}
}

// Thaw ends what [Proxy.Freeze] has begun. Nothing is lost.
func (p *Proxy) Thaw() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.frozen = false
	for k := range p.links {
		k.deadline(time.Time{})
	}
	p.changed.Broadcast()
}

// Connections returns how many connections there are.
func (p *Proxy) Connections() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	return len(p.links)
}

func (p *Proxy) accept() {
	for {
		conn, err := p.listener.Accept()
		if err != nil {
			return
		}
		k := &link{proxy: p, client: conn.(*net.TCPConn)}
		p.mu.Lock()
		p.links[k] = true
		if p.cut || p.closed {
			k.reset()
		} else {
			p.running.Go(k.run)
		}
		p.mu.Unlock()
	}
}

func (p *Proxy) close() {
	p.listener.Close()
	p.mu.Lock()
	p.closed = true
	p.resetAll()
	p.mu.Unlock()
	p.running.Wait()
}

// resetAll is for callers that hold the lock.
func (p *Proxy) resetAll() {
	for k := range p.links {
		k.reset()
	}
}
