package main

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

const deliveryHelp = `Delivery measures a whole Caddy that holds many acknowledged events while its
backend is down: how soon the backend gets the first one once it is there, and how
fast the rest, with callbacks arriving all the time. Each event is of another
user. The waits between attempts are scaled down from the defaults (1s 10m), since
the outage is: -retry says to what. Caddy, the backend and the callbacks share all
cores. The file is in the temporary folder ($TMPDIR).

Usage: go run ./bench delivery [flags]
`

// fillLimit is how long it may take to fill the queue.
const fillLimit = 3 * time.Minute

// runDelivery measures how fast a queue is delivered after an outage of the backend.
func runDelivery(ctx context.Context, args []string) (err error) {
	flags := rig.NewFlags("delivery", deliveryHelp)
	waiting := flags.Number("waiting", 100_000, 1, rig.NoLimit, "events that wait when the backend comes back")
	rate := flags.Number("rate", 500, 0, rig.NoLimit, "callbacks per second that arrive meanwhile")
	retry := flags.String("retry", "50ms 600ms", "shortest and longest wait between attempts")
	workers := flags.Number("workers", 16, 1, rig.NoLimit, "events that are being delivered at a time")
	outage := flags.Duration("outage", 10*time.Second, "how long the backend is down, at least")
	limit := flags.Duration("limit", 2*time.Minute, "how long delivering may take")
	profile := flags.String("profile", "", "write a CPU profile of the first 5 seconds of delivering to this `file`")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r, err := rig.NewWithCaddy(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	address, err := rig.FreeAddress()
	if err != nil {
		return err
	}
	s := &rig.Server{
		Name:     "caddy",
		Procs:    runtime.NumCPU(),
		Site:     rig.QueueSite(fmt.Sprintf("retry %s\n\t\t\tworkers %d", *retry, *workers)),
		Backend:  address,
		HasAdmin: true,
	}
	if err := r.Start(ctx, s); err != nil {
		return err
	}
	down := time.Now()
	counts, err := fillQueue(ctx, s, r.NewGenerator(64, true), *waiting)
	if err != nil {
		return err
	}
	if err := rig.Sleep(ctx, *outage-time.Since(down)); err != nil {
		return err
	}
	fmt.Printf("the backend comes back after %.0f s, with %d events waiting; waits between attempts are scaled down to %s\n",
		time.Since(down).Seconds(), counts.Left(), *retry)
	if *profile != "" {
		profiled := make(chan error, 1)
		go func() { profiled <- s.Profile(ctx, 5*time.Second, *profile) }()
		defer func() { err = errors.Join(err, <-profiled) }()
	}
	o := &recovery{server: s, backend: address, waiting: counts.Left(), rate: *rate, limit: *limit}
	return o.run(ctx)
}

// fillQueue sends callbacks until so many wait, and returns how many do then.
func fillQueue(ctx context.Context, s *rig.Server, load *rig.Generator, waiting int) (rig.QueueCounts, error) {
	ctx, cancel := context.WithTimeout(ctx, fillLimit)
	defer cancel()
	for {
		counts, err := s.Queue(ctx)
		if err != nil || counts.Left() >= waiting {
			return counts, err
		}
		if _, err := load.Run(ctx, s, time.Second); err != nil {
			return counts, err
		}
	}
}
