package faulttest

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// A server that is asked to end waits for the deliveries that are under way, so that nothing is
// delivered twice. When it is started again it delivers the other events.
func TestStopWhileDelivering(t *testing.T) {
	b := newBackend(t)
	b.delay = time.Second
	b.set(slow)
	s := newServer(t, b)
	s.start()
	l := newLoad(t, s, 30)
	l.sendAll(2)
	caddytest.Within(t, 10*time.Second, func() bool { return b.opened() == 16 }, "all workers deliver")
	took := s.terminate(15 * time.Second)
	running := b.count(func(a *arrival) bool { return a.taken })
	t.Logf("it ended after %s, with %d events delivered", took, running)
	if b.opened() > 0 || running < 16 {
		t.Errorf("%d events were delivered and %d deliveries broken off", running, b.opened())
	}
	b.set(up)
	s.start() // it delivers although no callback comes
	s.mustEmpty()
	check(t, l, b, nil)
	if n := len(b.arrivals()); n != 60 {
		t.Errorf("%d attempts, want 60", n)
	}
}

// A server whose deliveries hang ends nevertheless.
func TestStopWhileHanging(t *testing.T) {
	b := newBackend(t)
	b.set(hang)
	s := newServer(t, b)
	s.timeout = "1m"
	s.start()
	l := newLoad(t, s, 30)
	l.sendAll(2)
	caddytest.Within(t, 10*time.Second, func() bool { return b.opened() == 16 }, "all workers deliver")
	if took := s.terminate(20 * time.Second); took < 4*time.Second || took > 10*time.Second {
		t.Errorf("it ended after %s, want the 5s for which it waits", took)
	}
	b.set(up)
	s.start()
	s.mustEmpty()
	check(t, l, b, nil)
}
