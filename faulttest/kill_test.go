package faulttest

import (
	"testing"
	"time"
)

// TestKill kills the server again and again, at any moment, also while it starts.
func TestKill(t *testing.T) {
	t.Run("profiles", func(t *testing.T) { killAgainAndAgain(t, false) })
	t.Run("conversations", func(t *testing.T) { killAgainAndAgain(t, true) })
}

// killAgainAndAgain checks that nothing that was answered OK is lost, and the order of what
// belongs together: changes of a profile, or mixed commands of a conversation.
func killAgainAndAgain(t *testing.T, mixed bool) {
	n := (*rounds + 1) / 2
	if testing.Short() {
		n = min(n, 3)
	}
	chance := chance(t)
	b := newBackend(t)
	s := newServer(t, b)
	l := newLoad(t, s, 40)
	l.mixed = mixed
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
			s.launch()
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
	s.mustEmpty()
	l.mustRefuseNone()
	// the server may be killed after a delivery, before the delivery is recorded
	check(t, l, b, func(before, after *arrival) bool { return before.run != after.run })
}
