package deliveries

import (
	"context"
	"crypto/tls"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

// arrivals are callbacks that come at a rate, whether those before them are
// answered or not.
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
		TLSClientConfig: &tls.Config{InsecureSkipVerify: true}, // its certificate is its own
		// a burst of handshakes would be what is measured
		MaxIdleConnsPerHost: 64,
		MaxConnsPerHost:     64,
	}
	a := &arrivals{client: &http.Client{Transport: transport, Timeout: 2 * time.Second}} // Tencent's
	ctx, a.cancel = context.WithCancel(ctx)
	if rate == 0 {
		return a
	}
	a.sent.Go(func() {
		run := strconv.FormatInt(time.Now().UnixMicro(), 36)
		start := time.Now()
		for n := 0; ; n++ {
			due := start.Add(time.Duration(n) * time.Second / time.Duration(rate))
			if sleep(ctx, time.Until(due)) != nil {
				return
			}
			// one that has begun is not cut short
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

// stop ends them and reports those that were not answered OK.
func (a *arrivals) stop() error {
	a.cancel()
	a.sent.Wait()
	a.client.CloseIdleConnections()
	if n := len(a.failed); n > 0 {
		return fmt.Errorf("%d of %d callbacks were not answered OK, such as: %w", n, len(a.took), errors.Join(a.failed[:min(n, 3)]...))
	}
	return nil
}

func (a *arrivals) report(w io.Writer) {
	a.mu.Lock()
	took := slices.Clone(a.took)
	a.mu.Unlock()
	if len(took) == 0 {
		return
	}
	slices.Sort(took)
	at := func(share float64) float64 { return rig.In(time.Millisecond, took[int(share*float64(len(took)-1))]) }
	fmt.Fprintf(w, "%d callbacks that arrived meanwhile, answered after: p50 %.1f ms, p99 %.1f ms, at most %.1f ms\n",
		len(took), at(0.5), at(0.99), at(1))
}
