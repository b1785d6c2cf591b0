package delivery

import (
	"math"
	"testing"
	"time"
)

func TestBackoff(t *testing.T) {
	b := backoff{time.Second, 10 * time.Minute}
	for n, most := range map[int]time.Duration{
		1:             time.Second,
		2:             2 * time.Second,
		3:             4 * time.Second,
		10:            512 * time.Second,
		11:            10 * time.Minute,
		63:            10 * time.Minute,
		64:            10 * time.Minute,
		65:            10 * time.Minute,
		math.MaxInt32: 10 * time.Minute,
	} {
		shortest, longest := most, time.Duration(0)
		for range 1000 {
			wait := b.wait(n)
			shortest, longest = min(shortest, wait), max(longest, wait)
		}
		if shortest < most/2 || longest > most || longest-shortest < most/4 {
			t.Errorf("after %d failures: waits from %v to %v, want half of %v to all of it", n, shortest, longest, most)
		}
	}
	if got := (backoff{time.Minute, time.Minute}).wait(1); got < time.Minute/2 || got > time.Minute {
		t.Errorf("got %v", got)
	}
	if got := (backoff{1, 1}).wait(5); got != 1 {
		t.Errorf("got %v, want no wait at all, since it is too short to be halved", got)
	}
}

func TestBackoffRetryAfter(t *testing.T) {
	b := backoff{time.Second, time.Minute}
	for retryAfter, want := range map[time.Duration]time.Duration{
		30 * time.Second: 30 * time.Second,
		time.Hour:        time.Minute,
	} {
		if got := b.waitAtLeast(1, retryAfter); got != want {
			t.Errorf("%v: got %v, want %v", retryAfter, got, want)
		}
	}
	if got := b.waitAtLeast(7, time.Second); got < 30*time.Second {
		t.Errorf("got %v, want no less than without Retry-After", got)
	}
}
