package delivery

import (
	"testing"
	"testing/synctest"
	"time"
)

func TestRefusedFiveTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, refused)
		b.put("a1")
		b.Start()
		b.sleep(time.Minute)
		b.mustHold(0, 0, 1)
		tries := b.seen()
		if len(tries) != 5 {
			t.Fatalf("got %d attempts, want 5", len(tries))
		}
		checkGaps(t, tries, doublingWaits(4)...)
		dead := b.dead()[0]
		if dead.Attempts != 5 || dead.LastError != refused.Error || dead.First.Sub(b.began) != 0 || dead.Last.Sub(b.began) != tries[4].at {
			t.Errorf("got %+v", dead)
		}
		if last := b.reports[4]; last.Outcome != OutcomeDead {
			t.Errorf("got %+v", last)
		}
		// after a replay it does not hold up others, and has five attempts again
		b.put("a2")
		if _, err := b.store.Replay(); err != nil {
			t.Fatal(err)
		}
		b.sleep(2 * time.Minute)
		b.mustHold(0, 0, 2)
		if n := len(b.seen()); n != 15 {
			t.Errorf("got %d attempts, want 15", n)
		}
		b.close()
	})
}

func TestRefusalsAreCountedAmongOutages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, refused)
		b.script(outage, outage, outage, outage, outage, refused, outage, refused, refused, outage, refused, refused)
		b.put("a1")
		b.Start()
		b.sleep(5 * time.Hour)
		b.mustHold(0, 0, 1)
		if n := len(b.seen()); n != 12 {
			t.Errorf("got %d attempts, want 12", n)
		}
		if dead := b.dead()[0]; dead.Attempts != 12 {
			t.Errorf("got %+v", dead)
		}
		b.close()
	})
}

func TestGiveUp(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, outage)
		b.put("a1", "a2")
		b.sleep(100 * time.Hour) // the time before the first attempt does not count
		b.Start()
		b.sleep(71*time.Hour + 59*time.Minute)
		b.mustHold(2, 0, 0)
		b.sleep(12 * time.Minute)
		b.mustHold(1, 0, 1)
		checkGaps(t, b.seen(), doublingWaits(20)...)
		dead := b.dead()[0]
		if d := dead.Last.Sub(dead.First); d < 72*time.Hour || d > 72*time.Hour+10*time.Minute || dead.First.Sub(b.began) != 100*time.Hour {
			t.Errorf("got %+v", dead)
		}
		// the time of the second event began with its own first attempt
		b.sleep(71*time.Hour + 30*time.Minute)
		b.mustHold(1, 0, 1)
		b.sleep(time.Hour)
		b.mustHold(0, 0, 2)
		b.close()
	})
}

func TestRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{RetryMax: time.Minute}, delivered)
		later, tooLate := outage, refused
		later.RetryAfter, tooLate.RetryAfter = 30*sec, time.Hour
		b.script(later, tooLate, outage, delivered)
		b.put("a1")
		b.Start()
		b.sleep(10 * time.Minute)
		b.mustHold(0, 0, 0)
		b.close()
		tries := b.seen()
		if len(tries) != 4 || tries[1].at != 30*sec || tries[2].at != 90*sec {
			t.Errorf("got %v", tries)
		}
		checkGaps(t, tries[2:], 4*sec)
	})
}

func TestRetryMaxBelowMin(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{RetryMin: time.Minute, RetryMax: sec}, outage)
		b.put("a1")
		b.Start()
		b.sleep(5 * time.Minute)
		checkGaps(t, b.seen(), time.Minute, time.Minute, time.Minute)
		b.close()
	})
}
