package delivery

import (
	"math/rand/v2"
	"time"
)

// backoff says how long to wait after a failure. The longest wait is min after the first failure, and
// doubles after each further one, up to max. The wait is random, between half of the longest wait
// and all of it, so that events that failed together are not tried again together.
type backoff struct {
	min, max time.Duration
}

// wait returns a random wait after the n-th failure. n is at least 1.
func (b backoff) wait(n int) time.Duration {
	d := b.max
	if doublings := n - 1; doublings < 63 && b.min <= b.max>>doublings {
		d = b.min << doublings
	}
	return d - rand.N(d/2+1)
}

// waitAtLeast is like wait, but returns at least retryAfter, the time for which the backend has asked,
// up to max.
func (b backoff) waitAtLeast(n int, retryAfter time.Duration) time.Duration {
	return max(b.wait(n), min(retryAfter, b.max))
}
