// Package deliveries measures how fast a queue is delivered after an outage.
package deliveries

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

const help = `Delivery measures a whole Caddy that holds many acknowledged events while its
backend is down: how soon the backend gets the first one once it is there, and how
fast the rest, with callbacks arriving all the time. Each event is of another
user. The waits between attempts are scaled down from the defaults (1s 10m), since
the outage is: -retry says to what. Caddy, the backend and the callbacks share all
cores. The file is in the temporary folder ($TMPDIR).

Usage: go run ./bench delivery [flags]
`

// fillLimit is how long filling the queue may take.
const fillLimit = 3 * time.Minute

// Run measures one outage.
func Run(ctx context.Context, args []string) (err error) {
	flags := rig.Flags("delivery", help)
	waiting := flags.Int("waiting", 100_000, "events that wait when the backend comes back")
	rate := flags.Int("rate", 500, "callbacks per second that arrive meanwhile")
	retry := flags.String("retry", "50ms 600ms", "shortest and longest wait between attempts")
	workers := flags.Int("workers", 16, "events that are being delivered at a time")
	outage := flags.Duration("outage", 10*time.Second, "how long the backend is down, at least")
	limit := flags.Duration("limit", 2*time.Minute, "how long delivering may take")
	profile := flags.String("profile", "", "write a CPU profile of the first 5 seconds of delivering to this `file`")
	if err := rig.Parse(flags, args); err != nil {
		return err
	}
	if *waiting < 1 || *workers < 1 || *rate < 0 {
		return errors.New("-waiting and -workers must be at least 1, -rate at least 0")
	}
	dir, caddy, err := rig.Setup(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	address, err := rig.FreeAddress()
	if err != nil {
		return err
	}
	s := &rig.Server{Name: "caddy", Procs: runtime.NumCPU(), Site: rig.QueueSite(fmt.Sprintf("retry %s\n\t\t\tworkers %d", *retry, *workers)), Backend: address, HasAdmin: true}
	defer rig.StopAll([]*rig.Server{s})
	if err := s.Start(ctx, caddy, filepath.Join(dir, "server")); err != nil {
		return fmt.Errorf("starting Caddy: %w", err)
	}
	down := time.Now()
	if err := fill(ctx, s, filepath.Join(dir, "post.lua"), *waiting); err != nil {
		return err
	}
	if err := sleep(ctx, *outage-time.Since(down)); err != nil {
		return err
	}
	counts, err := s.Queue(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("the backend comes back after %.0f s, with %d events waiting; waits between attempts are scaled down to %s\n",
		time.Since(down).Seconds(), counts.Waiting, *retry)
	if *profile != "" {
		profiled := make(chan error, 1)
		go func() { profiled <- s.Profile(ctx, 5*time.Second, *profile) }()
		defer func() { err = errors.Join(err, <-profiled) }()
	}
	return recovery(ctx, s, address, counts.Waiting, *rate, *limit)
}

// fill sends callbacks until so many wait.
func fill(ctx context.Context, s *rig.Server, script string, waiting int) error {
	ctx, cancel := context.WithTimeout(ctx, fillLimit)
	defer cancel()
	load := &rig.Generator{Connections: 64, Script: script, Unique: true}
	for {
		counts, err := s.Queue(ctx)
		if err != nil {
			return err
		}
		if counts.Waiting+counts.InFlight >= waiting {
			return nil
		}
		if _, err := load.Run(ctx, s, time.Second); err != nil {
			return err
		}
	}
}

func sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
