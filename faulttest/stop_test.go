package faulttest

import (
	"testing"
	"time"
)

// A server that is asked to end waits for the deliveries that run, so that nothing
// is delivered twice, and goes on with the rest when it is started again.
func TestStopWhileDelivering(t *testing.T) {
	b := newBackend(t)
	b.delay = time.Second
	b.set(slow)
	s := newServer(t, b)
	s.start()
	l := newLoad(t, s, 30)
	l.each(2)
	within(t, 10*time.Second, func() bool { return b.opened() == 16 }, "all workers deliver")
	took := s.terminate(15 * time.Second)
	running := b.count(func(a *arrival) bool { return a.taken })
	t.Logf("it ended after %s, %d were delivered", took, running)
	if b.opened() > 0 || running < 16 {
		t.Errorf("%d were delivered and %d broken off", running, b.opened())
	}
	b.set(up)
	s.start() // and no callback comes
	s.emptied()
	check(t, l, b, nil)
	if n := len(b.arrivals()); n != 60 {
		t.Errorf("%d attempts, want 60", n)
	}
}

// One whose deliveries hang ends even so.
func TestStopWhileHanging(t *testing.T) {
	b := newBackend(t)
	b.set(hang)
	s := newServer(t, b)
	s.timeout = "1m"
	s.start()
	l := newLoad(t, s, 30)
	l.each(2)
	within(t, 10*time.Second, func() bool { return b.opened() == 16 }, "all workers deliver")
	if took := s.terminate(20 * time.Second); took < 4*time.Second || took > 10*time.Second {
		t.Errorf("it ended after %s, want the 5s for which it waits", took)
	}
	b.set(up)
	s.start()
	s.emptied()
	check(t, l, b, nil)
}
