package faulttest

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// All events are delivered in the end, although the backend hangs, breaks connections or answers too
// late for a while.
func TestBadBackend(t *testing.T) {
	for name, m := range map[string]mode{"hangs": hang, "resets": reset, "too slow": slow, "down": down} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			b := newBackend(t)
			b.set(m)
			b.delay = 10 * time.Second
			s := newServer(t, b)
			s.timeout = "2s" // even on a busy machine, a backend that is up answers within this time
			s.start()
			l := newLoad(t, s, 40)
			l.pause = 50 * time.Millisecond
			l.start()
			caddytest.Within(t, 30*time.Second, func() bool {
				return b.count(func(a *arrival) bool { return !a.taken }) > s.workers
			}, "more attempts than there are workers")
			b.set(up)
			caddytest.Within(t, 30*time.Second, func() bool {
				return b.count(func(a *arrival) bool { return a.taken }) > 40
			}, "it delivers again")
			l.stop()
			s.mustEmpty()
			l.mustRefuseNone()
			check(t, l, b, nil)
		})
	}
}

// A backend that is only slow does not count as down.
func TestSlowBackend(t *testing.T) {
	b := newBackend(t)
	b.delay = 200 * time.Millisecond
	b.set(slow)
	s := newServer(t, b)
	s.start()
	l := newLoad(t, s, 40)
	l.sendAll(3)
	s.mustEmpty()
	check(t, l, b, nil)
	if attempts := len(b.arrivals()); attempts != 120 {
		t.Errorf("%d attempts, want 120", attempts)
	}
}

// If the backend hangs for one user, who has most of the events, the others are not held up.
func TestBackendHangsForOne(t *testing.T) {
	b := newBackend(t)
	s := newServer(t, b)
	s.timeout = "2s"
	s.workers = 4
	s.start()
	l := newLoad(t, s, 20)
	stuck := l.users[0]
	b.setFor(stuck.name, hang)
	for range 50 {
		l.sendNext(stuck)
	}
	caddytest.Within(t, 10*time.Second, func() bool { return b.opened() > 0 }, "it hangs")
	start := time.Now()
	for range 10 {
		l.sendAll(1)
	}
	caddytest.Within(t, 10*time.Second, func() bool {
		return b.count(func(a *arrival) bool { return a.taken }) == 19*10
	}, "all others' events are delivered")
	t.Logf("the events of the others took %s", time.Since(start))
	for _, a := range b.arrivals() {
		if a.subject == stuck.name && (a.taken || a.n != 1) {
			t.Errorf("%+v", a)
		}
	}
	b.setFor(stuck.name, up)
	s.mustEmpty()
	l.mustRefuseNone()
	check(t, l, b, nil)
}
