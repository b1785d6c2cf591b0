package stores

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"sync"
	"text/tabwriter"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// bed is how stores are measured.
type bed struct {
	dir      string
	made     int // folders
	senders  int
	duration time.Duration
	payload  []byte
}

// result is one store under load for a while.
type result struct {
	perSecond float64
	cpu       time.Duration // per event, of all processes
	p50, p99  time.Duration
}

type round map[string]result

// measure opens an empty store, has the senders put into it for the duration, and
// removes it.
func (b *bed) measure(ctx context.Context, c contender) (r result, err error) {
	dir, err := b.folder()
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s, err := c.open(ctx, dir, b.senders)
	if err != nil {
		return r, err
	}
	defer func() { err = errors.Join(err, s.close()) }()

	used, err := cpu(s)
	if err != nil {
		return r, err
	}
	start := time.Now()
	took := make([][]time.Duration, b.senders)
	errs := make([]error, b.senders)
	var wg sync.WaitGroup
	for i := range b.senders {
		wg.Go(func() { took[i], errs[i] = b.send(ctx, s, i, start.Add(b.duration)) })
	}
	wg.Wait()
	elapsed := time.Since(start)
	if err := errors.Join(errs...); err != nil {
		return r, err
	}
	after, err := cpu(s)
	if err != nil {
		return r, err
	}
	all := slices.Concat(took...)
	slices.Sort(all)
	return result{
		perSecond: float64(len(all)) / elapsed.Seconds(),
		cpu:       (after - used) / time.Duration(len(all)),
		p50:       all[len(all)/2],
		p99:       all[len(all)*99/100],
	}, nil
}

// send puts events of users of its own until the time is over: with IDs as those
// of callbacks, and each user with an event now and then.
func (b *bed) send(ctx context.Context, s store, sender int, until time.Time) (took []time.Duration, err error) {
	random := rand.New(rand.NewPCG(uint64(sender), uint64(b.made)))
	var id [16]byte
	for {
		began := time.Now()
		if !began.Before(until) && len(took) > 0 {
			return took, nil
		}
		for i := range id {
			id[i] = byte(random.Uint32())
		}
		err := s.put(ctx, sender, queue.Event{
			ID:      hex.EncodeToString(id[:]),
			Key:     rig.SDKAppID + "/user" + strconv.Itoa(sender) + "-" + strconv.Itoa(random.IntN(1000)),
			Payload: b.payload,
		})
		if err != nil {
			return nil, err
		}
		took = append(took, time.Since(began))
	}
}

// cpu is what this process and the store's have used.
func cpu(s store) (time.Duration, error) {
	own, err := rig.ProcessTime(os.Getpid())
	if err != nil {
		return 0, err
	}
	others, err := s.cpu()
	return own + others, err
}

func report(w io.Writer, rounds []round) {
	fmt.Fprintf(w, "\nMedians of %d rounds; CPU is that of the senders too.\n\n", len(rounds))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "store\tevents/s\tp50 ms\tp99 ms\tCPU µs/event\t\n")
	for _, c := range contenders {
		of := func(f func(result) float64) float64 {
			return rig.Median(rounds, func(r round) float64 { return f(r[c.name]) })
		}
		fmt.Fprintf(table, "%s\t%.0f\t%.2f\t%.2f\t%.1f\t\n", c.name,
			of(func(r result) float64 { return r.perSecond }),
			of(func(r result) float64 { return rig.In(time.Millisecond, r.p50) }),
			of(func(r result) float64 { return rig.In(time.Millisecond, r.p99) }),
			of(func(r result) float64 { return rig.In(time.Microsecond, r.cpu) }))
	}
	_ = table.Flush()
	fmt.Fprint(w, "\nRatios of events/s: median of the rounds' own ratios, and the middle half of them.\n\n")
	for _, other := range []contender{redis, raw} {
		low, median, high := rig.Quartiles(rounds, func(r round) float64 {
			return r[file.name].perSecond / r[other.name].perSecond
		})
		fmt.Fprintf(w, "file / %-5s  %.2f  (%.2f to %.2f)\n", other.name, median, low, high)
	}
}
