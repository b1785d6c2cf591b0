package faulttest

import (
	"testing"
	"time"
)

// A server that is killed again and again, at any moment, also while it starts.
func TestKill(t *testing.T) {
	n := *rounds
	if testing.Short() {
		n = min(n, 3)
	}
	chance := chance(t)
	b := newBackend(t)
	s := newServer(t, b)
	l := newLoad(t, s, 40)
	l.start()
	for round := range n {
		stop := func() {}
		how := []string{"up", "down", "flapping"}[chance.IntN(3)]
		switch how {
		case "up":
			b.set(up)
		case "down":
			b.set(down)
		case "flapping":
			stop = b.flap(chance)
		}
		starting := chance.IntN(4) == 0
		wait := between(chance, 0, 700*time.Millisecond)
		if starting {
			s.begin()
		} else {
			s.start()
		}
		time.Sleep(wait)
		s.kill()
		stop()
		t.Logf("round %d: backend %s, killed after %s, while starting: %v; %d were answered OK so far", round, how, wait, starting, l.ok.Load())
	}
	b.set(up)
	s.start()
	time.Sleep(300 * time.Millisecond)
	l.stop()
	s.emptied()
	l.noneRefused()
	// a crash may come between the delivery and its note
	check(t, l, b, func(before, after *arrival) bool { return before.run != after.run })
}
