package delivery

import (
	"math/rand/v2"
	"time"
)

// backoff is how long to wait after a failure: min after the first, twice as
// long after each further one, but at most max. The wait is drawn evenly from
// between half of that and all of it, so that what failed together does not
// come back together.
type backoff struct {
	min, max time.Duration
}

// wait draws the wait after the n-th failure, n from 1 on.
func (b backoff) wait(n int) time.Duration {
	d := b.max
	if doublings := n - 1; doublings < 63 && b.min <= b.max>>doublings {
		d = b.min << doublings
	}
	return d - rand.N(d/2+1)
}

// waitAtLeast is wait, but no less than the backend asked for, up to max.
func (b backoff) waitAtLeast(n int, retryAfter time.Duration) time.Duration {
	return max(b.wait(n), min(retryAfter, b.max))
}
