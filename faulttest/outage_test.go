package faulttest

import (
	"testing"
	"time"
)

// A backend that hangs, breaks connections or answers too late for a while: all is
// delivered in the end.
func TestBadBackend(t *testing.T) {
	for name, m := range map[string]mode{"hangs": hang, "resets": reset, "too slow": slow, "down": down} {
		t.Run(name, func(t *testing.T) {
			t.Parallel() // they mostly wait
			b := newBackend(t)
			b.set(m)
			s := newServer(t, b)
			s.timeout = "300ms"
			s.start()
			l := newLoad(t, s, 40)
			l.pause = 50 * time.Millisecond
			l.start()
			time.Sleep(1500 * time.Millisecond)
			b.set(up)
			time.Sleep(200 * time.Millisecond)
			l.stop()
			s.emptied()
			l.noneRefused()
			check(t, l, b, nil)
			late := b.count(func(a *arrival) bool { return !a.taken })
			if late < 10 {
				t.Errorf("only %d attempts failed", late)
			}
		})
	}
}

// A backend that is only slow is not taken for one that is down.
func TestSlowBackend(t *testing.T) {
	b := newBackend(t)
	b.delay = 200 * time.Millisecond
	b.set(slow)
	s := newServer(t, b)
	s.start()
	l := newLoad(t, s, 40)
	l.each(3)
	s.emptied()
	check(t, l, b, nil)
	if attempts := len(b.arrivals()); attempts != 120 {
		t.Errorf("%d attempts, want 120", attempts)
	}
}

// A backend that hangs for one user, who has most of the events, holds up nobody else.
func TestBackendHangsForOne(t *testing.T) {
	b := newBackend(t)
	s := newServer(t, b)
	s.timeout = "300ms"
	s.workers = 4
	s.start()
	l := newLoad(t, s, 20)
	stuck := l.users[0]
	b.setFor(stuck.name, hang)
	for range 50 {
		l.next(stuck)
	}
	within(t, 10*time.Second, func() bool { return b.opened() > 0 }, "it hangs")
	start := time.Now()
	for range 10 {
		l.each(1)
	}
	within(t, 10*time.Second, func() bool {
		return b.count(func(a *arrival) bool { return a.taken }) == 19*10
	}, "all others' events are delivered")
	t.Logf("the others' took %s", time.Since(start))
	for _, a := range b.arrivals() {
		if a.subject == stuck.name && (a.taken || a.n != 1) {
			t.Errorf("%+v", a)
		}
	}
	b.setFor(stuck.name, up)
	s.emptied()
	l.noneRefused()
	check(t, l, b, nil)
}
