package queued

import (
	"context"
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

// round has what was measured of each server, by name, within one round.
type round map[string]result

type result struct {
	rig.Result
	delivered float64 // per second, meanwhile
}

// drainLimit is how long a round's events may take to be delivered after it.
const drainLimit = time.Minute

// measure loads one server after the other, in an order that is rotated from
// round to round.
func measure(ctx context.Context, servers []*rig.Server, load *rig.Generator, count int, duration time.Duration) ([]round, error) {
	for _, s := range servers {
		if _, err := one(ctx, s, load, time.Second); err != nil { // warm-up
			return nil, err
		}
	}
	fmt.Println("requests/s, in the order of measuring:")
	rounds := make([]round, count)
	for i := range rounds {
		rounds[i] = make(round)
		fmt.Printf("round %d:", i+1)
		for n := range servers {
			s := servers[(i+n)%len(servers)]
			r, err := one(ctx, s, load, duration)
			if err != nil {
				fmt.Println()
				return nil, fmt.Errorf("round %d: %w", i+1, err)
			}
			rounds[i][s.Name] = r
			fmt.Printf("  %s %.0f", s.Name, r.PerSecond)
		}
		fmt.Println()
	}
	return rounds, nil
}

func one(ctx context.Context, s *rig.Server, load *rig.Generator, duration time.Duration) (result, error) {
	r, err := load.Run(ctx, s, duration)
	if err != nil || !delivers(s) {
		return result{Result: r}, err
	}
	counts, err := s.Queue(ctx)
	if err != nil {
		return result{}, err
	}
	delivered := float64(int(r.Requests)-counts.Waiting) / duration.Seconds()
	_, err = s.Drained(ctx, drainLimit)
	return result{r, delivered}, err
}

func report(w io.Writer, servers []*rig.Server, rounds []round) {
	fmt.Fprintf(w, "\nMedians of %d rounds. CPU is that of the server's process, with delivering; others is the\nshare of its core that went to anything else: beyond a few percent, measure again.\n\n", len(rounds))
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "server\trequests/s\tCPU µs/request\tp50 ms\tp90 ms\tp99 ms\tdelivered/s\tothers %\t\n")
	for _, s := range servers {
		of := func(f func(result) float64) float64 {
			return rig.Median(rounds, func(r round) float64 { return f(r[s.Name]) })
		}
		fmt.Fprintf(table, "%s\t%.0f\t%.1f\t%.2f\t%.2f\t%.2f\t%.0f\t%.0f\t\n", s.Name,
			of(func(r result) float64 { return r.PerSecond }),
			of(func(r result) float64 { return rig.In(time.Microsecond, r.CPU) }),
			of(func(r result) float64 { return rig.In(time.Millisecond, r.P50) }),
			of(func(r result) float64 { return rig.In(time.Millisecond, r.P90) }),
			of(func(r result) float64 { return rig.In(time.Millisecond, r.P99) }),
			of(func(r result) float64 { return r.delivered }),
			of(func(r result) float64 { return 100 * r.Others }))
	}
	_ = table.Flush()

	fmt.Fprint(w, "\nRatios of requests/s: median of the rounds' own ratios, and the middle half of them.\n\n")
	table = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, pair := range []struct{ one, other, what string }{
		{"down", "ack", "storing before answering"},
		{"queue", "ack", "storing and delivering"},
		{"down", "down2", "one processor for Go instead of two, on the same core"},
		{"queue", "queue2", "the same with deliveries"},
	} {
		low, median, high := rig.Quartiles(rounds, func(r round) float64 { return r[pair.one].PerSecond / r[pair.other].PerSecond })
		fmt.Fprintf(table, "%s / %s\t%.2f\t(%.2f to %.2f)\t%s\n", pair.one, pair.other, median, low, high, pair.what)
	}
	_ = table.Flush()
}
