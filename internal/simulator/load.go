package simulator

import (
	"context"
	"sync"
	"time"
)

// Load says how many callbacks are sent, and how fast.
type Load struct {
	Count       int     // number of callbacks; at least 1
	Rate        float64 // callbacks per second; 0 means no limit
	Concurrency int     // how many callbacks may wait for an answer at the same time; at least 1
}

// catchUp limits the callbacks that are sent faster than the rate after a delay to those of
// this time. Without the limit, an endpoint that was slow for a while would get more than
// the rate for just as long.
const catchUp = 100 * time.Millisecond

// maxPause is the longest pause in seconds. It keeps the pause of a tiny rate within the range
// of a Duration.
const maxPause = 1e9

// Run calls send for each callback, and returns when all calls have returned. It makes no more
// calls when ctx is done.
func (l Load) Run(ctx context.Context, send func()) {
	turns := make(chan struct{})
	var workers sync.WaitGroup
	for range min(l.Concurrency, l.Count) {
		workers.Go(func() {
			for range turns {
				send()
			}
		})
	}
	defer workers.Wait()
	defer close(turns)
	next := time.Now()
	for range l.Count {
		if !l.wait(ctx, &next) {
			return
		}
		select {
		case turns <- struct{}{}:
		case <-ctx.Done():
			return
		}
	}
}

// wait waits until the time next, and then sets next to the time of the following callback. It
// returns false if ctx is done.
func (l Load) wait(ctx context.Context, next *time.Time) bool {
	if ctx.Err() != nil {
		return false
	}
	if l.Rate <= 0 {
		return true
	}
	now := time.Now()
	if early := next.Sub(now); early > 0 {
		timer := time.NewTimer(early)
		defer timer.Stop()
		select {
		case <-timer.C:
		case <-ctx.Done():
			return false
		}
	} else if -early > catchUp {
		*next = now.Add(-catchUp)
	}
	*next = next.Add(time.Duration(min(1/l.Rate, maxPause) * float64(time.Second)))
	return true
}
