package main

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

// arrivals are callbacks that are sent at a steady rate, also while earlier ones are not
// answered yet.
type arrivals struct {
	client *http.Client
	cancel context.CancelFunc
	sent   sync.WaitGroup

	mu     sync.Mutex
	took   []time.Duration
	failed []error
}

func startArrivals(ctx context.Context, s *rig.Server, rate int) *arrivals {
	transport := &http.Transport{
		TLSClientConfig: rig.AnyCertificate(),
		// without these limits a burst of handshakes would be measured instead
		MaxIdleConnsPerHost: 64,
		MaxConnsPerHost:     64,
	}
	a := &arrivals{client: &http.Client{Transport: transport, Timeout: 2 * time.Second}} // as long as Tencent waits
	ctx, a.cancel = context.WithCancel(ctx)
	if rate == 0 {
		return a
	}
	a.sent.Go(func() {
		run := strconv.FormatInt(time.Now().UnixMicro(), 36)
		start := time.Now()
		for n := 0; ; n++ {
			due := start.Add(time.Duration(n) * time.Second / time.Duration(rate))
			if rig.Sleep(ctx, time.Until(due)) != nil {
				return
			}
			// a callback that is under way is not cut short
			a.sent.Go(func() { a.send(context.WithoutCancel(ctx), s, rig.UniqueBody(run, n), due) })
		}
	})
	return a
}

func (a *arrivals) send(ctx context.Context, s *rig.Server, body []byte, due time.Time) {
	err := s.Send(ctx, a.client, body)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.took = append(a.took, time.Since(due))
	if err != nil {
		a.failed = append(a.failed, err)
	}
}

// stop ends the arrivals. It returns an error if any callback was not answered OK.
func (a *arrivals) stop() error {
	a.cancel()
	a.sent.Wait()
	a.client.CloseIdleConnections()
	if n := len(a.failed); n > 0 {
		return fmt.Errorf("%d of %d callbacks were not answered OK, such as: %w", n, len(a.took), errors.Join(a.failed[:min(n, 3)]...))
	}
	return nil
}

// report prints how long the answers have taken until now.
func (a *arrivals) report() {
	a.mu.Lock()
	took := slices.Clone(a.took)
	a.mu.Unlock()
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	at := func(share float64) float64 { return rig.In(time.Millisecond, took[int(share*float64(len(took)-1))]) }
	fmt.Printf("%d callbacks that arrived meanwhile, answered after: p50 %.1f ms, p99 %.1f ms, at most %.1f ms\n",
		len(took), at(0.5), at(0.99), at(1))
}
