package delivery

import (
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// clock makes sure that the time for which an event has been tried is right, also if the system clock
// is set meanwhile. The store keeps times by the system clock.
type clock struct {
	start   time.Time     // when the dispatcher was made, by the system clock
	longest time.Duration // the most that counts for the time before start

	now     time.Time     // by the system clock
	elapsed time.Duration // since start, by the monotonic clock
	ahead   time.Duration // how far the system clock has been set forward since start
	jumped  time.Time     // when it was last noticed that the clock was set forward
}

// clockSlack is how far the system clock may deviate before it counts as having been set.
const clockSlack = 5 * time.Second

// read records the current time of the system clock, and the time elapsed since start.
func (c *clock) read(now time.Time, elapsed time.Duration) {
	c.now, c.elapsed = now.Round(0), elapsed
	ahead := c.now.Sub(c.start) - elapsed
	if ahead > c.ahead+clockSlack {
		c.jumped = c.now
	}
	if (ahead - c.ahead).Abs() > clockSlack {
		c.ahead = ahead
	}
}

// correct moves the time of an item's first attempt, if the system clock was set since its last
// attempt. Then the time from the first attempt until now is how long the event was really tried. Time
// in which the process did not run counts at most as the longest wait, since it cannot be told from a
// clock that was set.
func (c *clock) correct(item *queue.Item) {
	if item.First.IsZero() {
		return
	}
	last := item.Last.Round(0)
	var wrong time.Duration
	switch passed := c.now.Sub(last); {
	case passed < 0:
		wrong = passed
	case last.Before(c.start):
		wrong = max(passed-c.elapsed-c.longest, 0)
	case last.Before(c.jumped):
		wrong = min(max(c.ahead, 0), passed)
	}
	item.First = item.First.Add(wrong)
}
