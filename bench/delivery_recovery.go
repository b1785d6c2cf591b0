package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

// countingBackend answers at once and counts the events.
type countingBackend struct {
	*http.Server
	taken atomic.Int64
	first chan time.Time // when the first event came
}

func startCountingBackend(address string) (*countingBackend, error) {
	b := &countingBackend{first: make(chan time.Time, 1)}
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

// recovery is what happens once the backend of a server is back.
type recovery struct {
	server  *rig.Server
	backend string // its address
	waiting int    // events, when the backend comes back
	rate    int    // of the callbacks that arrive meanwhile, per second
	limit   time.Duration
}

// run starts the backend and measures until the queue is empty.
func (o *recovery) run(ctx context.Context) (err error) {
	before, err := o.server.CPU()
	if err != nil {
		return err
	}
	// the callbacks begin before the backend is there
	arriving := startArrivals(ctx, o.server, o.rate)
	defer func() { err = errors.Join(err, arriving.stop()) }()
	back := time.Now()
	b, err := startCountingBackend(o.backend)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	var first time.Time
	select {
	case first = <-b.first:
	case <-time.After(o.limit):
		return fmt.Errorf("after %v the backend has got no event", o.limit)
	case <-ctx.Done():
		return ctx.Err()
	}
	fmt.Printf("the backend gets the first event %.3f s after it is there\n", first.Sub(back).Seconds())
	// new events are delivered among the old ones: the old ones are all delivered when no
	// more are left than arrive within a moment
	if err := o.server.Drained(ctx, o.rate/10, o.limit); err != nil {
		return err
	}
	took, taken := time.Since(first), b.taken.Load()
	after, err := o.server.CPU()
	if err != nil {
		return err
	}
	fmt.Printf("the queue is empty %.1f s after that: %d deliveries, %.0f/s, %.0f µs of Caddy's CPU each (with what arrived)\n",
		took.Seconds(), taken, float64(taken)/took.Seconds(), rig.In(time.Microsecond, after-before)/float64(taken))
	if taken < int64(o.waiting) {
		return fmt.Errorf("the backend got only %d of %d events", taken, o.waiting)
	}
	arriving.report()
	return nil
}
