package delivery

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// TestClock tries an event at certain times by the monotonic clock. In between it sets the system clock
// or restarts the process.
func TestClock(t *testing.T) {
	const day = 24 * time.Hour
	type step struct {
		passed  time.Duration // since the previous step
		set     time.Duration // how far the clock was then set
		restart bool          // whether the process was restarted before that
	}
	for _, test := range []struct {
		name  string
		steps []step
		want  time.Duration // how long the event has been tried in the end
	}{
		{"nothing happens", []step{{passed: time.Hour}, {passed: 80 * time.Hour}}, 81 * time.Hour},
		{"set forward", []step{{passed: time.Hour}, {passed: time.Minute, set: 5 * day}}, time.Hour + time.Minute},
		{"set forward, and later attempts", []step{{passed: time.Minute, set: 5 * day}, {passed: time.Hour}, {passed: time.Hour}}, 2*time.Hour + time.Minute},
		{"set back", []step{{passed: time.Hour}, {passed: time.Minute, set: -day}, {passed: time.Hour}}, 2 * time.Hour},
		{"set forward and back", []step{{passed: time.Hour}, {passed: time.Minute, set: day}, {passed: time.Minute, set: -day}, {passed: time.Hour}},
			2*time.Hour + time.Minute},
		{"set forward twice", []step{{passed: time.Hour, set: day}, {passed: time.Hour, set: day}, {passed: time.Hour}}, 2 * time.Hour},
		{"restarted", []step{{passed: time.Minute}, {passed: time.Minute, restart: true}}, 2 * time.Minute},
		{"set forward before a restart", []step{{passed: time.Hour}, {passed: time.Minute, set: 5 * day, restart: true}, {passed: time.Hour}},
			2*time.Hour + 10*time.Minute},
		{"set back before a restart", []step{{passed: time.Hour}, {passed: time.Minute, set: -5 * day, restart: true}, {passed: time.Hour}}, 2 * time.Hour},
	} {
		now := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
		elapsed := time.Minute
		c := clock{start: now.Add(-elapsed), longest: 10 * time.Minute}
		item := &queue.Item{First: now, Last: now}
		for _, s := range test.steps {
			now, elapsed = now.Add(s.passed+s.set), elapsed+s.passed
			if s.restart {
				c, elapsed = clock{start: now, longest: c.longest}, 0
			}
			c.read(now, elapsed)
			c.correct(item)
			item.Last = now
		}
		if got := now.Sub(item.First); got != test.want {
			t.Errorf("%s: tried for %v, want %v", test.name, got, test.want)
		}
	}
}
