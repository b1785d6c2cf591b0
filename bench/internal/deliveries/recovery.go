package deliveries

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"sync/atomic"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

// backend answers at once.
type backend struct {
	*http.Server
	taken atomic.Int64
	first chan time.Time // when the first event came
}

func startBackend(address string) (*backend, error) {
	b := &backend{first: make(chan time.Time, 1)}
	b.Server = &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		if b.taken.Add(1) == 1 {
			b.first <- time.Now()
		}
	})}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("starting the backend: %w", err)
	}
	go func() { _ = b.Serve(listener) }()
	return b, nil
}

// recovery brings the backend back and measures until the queue is empty.
func recovery(ctx context.Context, s *rig.Server, address string, waiting, rate int, limit time.Duration) (err error) {
	before, err := s.CPU()
	if err != nil {
		return err
	}
	// the callbacks begin before the backend is there
	arriving := startArrivals(ctx, s, rate)
	defer func() { err = errors.Join(err, arriving.stop()) }()
	back := time.Now()
	b, err := startBackend(address)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	var first time.Time
	select {
	case first = <-b.first:
	case <-time.After(limit):
		return fmt.Errorf("after %v the backend has got no event", limit)
	case <-ctx.Done():
		return ctx.Err()
	}
	fmt.Printf("the backend gets the first event %.3f s after it is there\n", first.Sub(back).Seconds())
	// what arrives is delivered among the rest: when so many were taken that
	// only a moment's arrivals are left, the queue has been emptied
	for until := first.Add(limit); ; {
		counts, err := s.Queue(ctx)
		if err != nil {
			return err
		}
		if counts.Dead > 0 {
			return fmt.Errorf("%d events became dead letters", counts.Dead)
		}
		if counts.Waiting+counts.InFlight <= rate/10 {
			break
		}
		if time.Now().After(until) {
			return fmt.Errorf("after %v %d events are not delivered yet", limit, counts.Waiting+counts.InFlight)
		}
		if err := sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
	took, taken := time.Since(first), b.taken.Load()
	after, err := s.CPU()
	if err != nil {
		return err
	}
	fmt.Printf("the queue is empty %.1f s after that: %d deliveries, %.0f/s, %.0f µs of Caddy's CPU each (with what arrived)\n",
		took.Seconds(), taken, float64(taken)/took.Seconds(), rig.In(time.Microsecond, after-before)/float64(taken))
	if taken < int64(waiting) {
		return fmt.Errorf("the backend got only %d of %d events", taken, waiting)
	}
	arriving.report(os.Stdout)
	return nil
}
