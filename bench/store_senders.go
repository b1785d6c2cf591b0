package main

import (
	"context"
	"errors"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

// storeTest is how stores are measured.
type storeTest struct {
	dir      string
	folders  int // how many were made in dir
	senders  int
	duration time.Duration
	payload  []byte
}

// storeResult is what was measured of a store.
type storeResult struct {
	perSecond float64       // events
	cpu       time.Duration // per event, of all processes
	p50, p99  time.Duration
}

var (
	eventsPerSecond = rig.Quantity[storeResult]{Title: "events/s", Format: "%.0f", Of: func(r storeResult) float64 { return r.perSecond }}
	storeQuantities = []rig.Quantity[storeResult]{
		eventsPerSecond,
		{Title: "p50 ms", Format: "%.2f", Of: func(r storeResult) float64 { return rig.In(time.Millisecond, r.p50) }},
		{Title: "p99 ms", Format: "%.2f", Of: func(r storeResult) float64 { return rig.In(time.Millisecond, r.p99) }},
		{Title: "CPU µs/event", Format: "%.1f", Of: func(r storeResult) float64 { return rig.In(time.Microsecond, r.cpu) }},
	}
)

// measure opens an empty store, lets the senders put events into it for the duration,
// and removes it.
func (t *storeTest) measure(ctx context.Context, kind *storeKind) (r storeResult, err error) {
	t.folders++
	dir := filepath.Join(t.dir, strconv.Itoa(t.folders))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := kind.open(ctx, dir, t.senders)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	before, err := storeCPU(s)
	if err != nil {
		return r, err
	}
	start := time.Now()
	took := make([][]time.Duration, t.senders)
	err = rig.Together(t.senders, func(sender int) (err error) {
		took[sender], err = t.send(ctx, s, sender, start.Add(t.duration))
		return err
	})
	elapsed := time.Since(start)
	if err != nil {
		return r, err
	}
	after, err := storeCPU(s)
	if err != nil {
		return r, err
	}
	all := slices.Concat(took...)
	slices.Sort(all)
	return storeResult{
		perSecond: float64(len(all)) / elapsed.Seconds(),
		cpu:       (after - before) / time.Duration(len(all)),
		p50:       all[len(all)/2],
		p99:       all[len(all)*99/100],
	}, nil
}

// send puts events until the time is over, and returns how long each of them took. Each
// sender has 1,000 users of its own, so that a user has an event now and then.
func (t *storeTest) send(ctx context.Context, s store, sender int, until time.Time) (took []time.Duration, err error) {
	random := rand.New(rand.NewPCG(uint64(sender), uint64(t.folders)))
	var id [16]byte
	for {
		began := time.Now()
		if !began.Before(until) && len(took) > 0 {
			return took, nil
		}
		for i := range id {
			id[i] = byte(random.Uint32())
		}
		user := "user" + strconv.Itoa(sender) + "-" + strconv.Itoa(random.IntN(1000))
		if err := s.put(ctx, sender, rig.NewEvent(id, user, t.payload)); err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
}

// storeCPU is the CPU time of this process and of those that the store consists of.
func storeCPU(s store) (time.Duration, error) {
	own, err := rig.OwnCPU()
	if err != nil {
		return 0, err
	}
	others, err := s.cpu()
	return own + others, err
}
