package simulator

import (
	"context"
	"sync"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"
)

func TestLoadSendsEach(t *testing.T) {
	for name, l := range map[string]Load{
		"one":             {Count: 1, Concurrency: 1},
		"in sequence":     {Count: 10, Concurrency: 1},
		"side by side":    {Count: 100, Concurrency: 7},
		"too many":        {Count: 3, Concurrency: 1 << 30},
		"at a rate":       {Count: 10, Concurrency: 4, Rate: 2},
		"at a huge rate":  {Count: 10, Concurrency: 4, Rate: 1e300},
		"at a small rate": {Count: 2, Concurrency: 4, Rate: 1e-8},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var calls, now, most atomic.Int64
				l.Run(t.Context(), func() {
					calls.Add(1)
					most.Store(max(most.Load(), now.Add(1)))
					time.Sleep(time.Millisecond)
					now.Add(-1)
				})
				if calls.Load() != int64(l.Count) || most.Load() > int64(l.Concurrency) || now.Load() != 0 {
					t.Errorf("%d calls, up to %d at once, %d left", calls.Load(), most.Load(), now.Load())
				}
			})
		})
	}
}

func TestLoadKeepsTheRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		began := time.Now()
		var mu sync.Mutex
		var at []time.Duration
		Load{Count: 5, Concurrency: 2, Rate: 10}.Run(t.Context(), func() {
			mu.Lock()
			defer mu.Unlock()
			at = append(at, time.Since(began))
		})
		for i, got := range at {
			if want := time.Duration(i) * 100 * time.Millisecond; got != want {
				t.Errorf("%d: after %v, want %v", i, got, want)
			}
		}
	})
}

// An endpoint that was slow for a while must not get all missed callbacks at once.
func TestLoadDoesNotBurst(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		const hang = 10 * time.Second
		began := time.Now()
		late := 0
		Load{Count: 100, Concurrency: 1, Rate: 100}.Run(t.Context(), func() {
			if time.Since(began) == 0 {
				time.Sleep(hang)
			} else if time.Since(began) <= hang+10*time.Millisecond {
				late++
			}
		})
		// 100 ms at 100 per second are 10; a few more were already due
		if late < 10 || late > 14 {
			t.Errorf("%d callbacks at once after the endpoint hung", late)
		}
		if took := time.Since(began); took < hang+800*time.Millisecond || took > hang+time.Second {
			t.Errorf("took %v", took)
		}
	})
}

func TestLoadStops(t *testing.T) {
	for name, l := range map[string]Load{
		"while waiting for its turn": {Count: 100, Concurrency: 2, Rate: 1},
		"while all workers are busy": {Count: 100, Concurrency: 2},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				ctx, cancel := context.WithTimeout(t.Context(), 2500*time.Millisecond)
				defer cancel()
				var begun, ended atomic.Int64
				began := time.Now()
				l.Run(ctx, func() {
					begun.Add(1)
					time.Sleep(time.Second)
					ended.Add(1)
				})
				if begun.Load() != ended.Load() || begun.Load() == 0 || begun.Load() > 6 || time.Since(began) > 3*time.Second {
					t.Errorf("%d begun, %d ended after %v", begun.Load(), ended.Load(), time.Since(began))
				}
			})
		})
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	Load{Count: 1, Concurrency: 1}.Run(ctx, func() { t.Error("called after the end") })
}
