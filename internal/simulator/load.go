package simulator

import (
	"context"
	"sync"
	"time"
)

// Load is how many callbacks are sent, and how fast.
type Load struct {
	Count       int     // at least 1
	Rate        float64 // a second; 0 is as fast as the answers come
	Concurrency int     // how many may wait for their answer at once; at least 1
}

// catchUp is how far a load that fell behind makes up for it. Beyond that a slow
// endpoint would later get more than the rate for as long as it was slow.
const catchUp = 100 * time.Millisecond

// maxPause, in seconds, keeps a tiny rate from being more than a Duration holds.
const maxPause = 1e9

// Run calls send for each callback, and returns when all calls have. It stops
// calling when ctx is done.
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

// wait waits until it is next's turn, and moves next on. It is false if ctx is done.
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
