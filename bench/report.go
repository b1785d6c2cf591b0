package main

import (
	"fmt"
	"io"
	"slices"
	"text/tabwriter"
	"time"
)

// round has what was measured of each server within one round.
type round map[*server]result

// report prints the medians of all rounds.
func report(w io.Writer, servers []*server, rounds []round) {
	fmt.Fprintf(w, "\n%d rounds; medians. CPU is user and system time of the server process, which has core %s;\n"+
		"wrk has core %s, and so has the backend of forward and proxy, whose CPU is not counted.\n\n", len(rounds), serverCore, loadCore)
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprintln(table, "server\tCPU/request\trequests/s\tp50\tp90\tp99\t")
	for _, s := range servers {
		median := func(of func(result) float64) float64 { return quartiles(rounds, s, of)[1] }
		duration := func(of func(result) time.Duration) time.Duration {
			return time.Duration(median(func(r result) float64 { return float64(of(r)) }))
		}
		fmt.Fprintf(table, "%s\t%.1f µs\t%.0f\t%.2f ms\t%.2f ms\t%.2f ms\t\n", s.name,
			micros(duration(func(r result) time.Duration { return r.cpu })),
			median(func(r result) float64 { return r.perSecond }),
			micros(duration(func(r result) time.Duration { return r.p50 }))/1000,
			micros(duration(func(r result) time.Duration { return r.p90 }))/1000,
			micros(duration(func(r result) time.Duration { return r.p99 }))/1000)
	}
	_ = table.Flush()
}
