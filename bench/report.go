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

// columns are what is printed of each server: the median over all rounds.
var columns = []struct {
	title, format string
	of            func(result) float64
}{
	{"CPU µs/request", "%.1f", func(r result) float64 { return in(time.Microsecond, r.cpu) }},
	{"requests/s", "%.0f", func(r result) float64 { return r.perSecond }},
	{"p50 ms", "%.2f", func(r result) float64 { return in(time.Millisecond, r.p50) }},
	{"p90 ms", "%.2f", func(r result) float64 { return in(time.Millisecond, r.p90) }},
	{"p99 ms", "%.2f", func(r result) float64 { return in(time.Millisecond, r.p99) }},
	{"others %", "%.0f", func(r result) float64 { return 100 * r.others }},
}

func in(unit, d time.Duration) float64 { return float64(d) / float64(unit) }

// pairs are the servers whose CPU per request is compared.
var pairs = []struct {
	server, to *server
	what       string
}{
	{ack, respond, "verify, normalize and acknowledge instead of a static answer"},
	{ackInfo, respond, "the same with the Info line"},
	{forward, respond, ""},
	{proxy, respond, ""},
	{forward, proxy, "verify, normalize and sum up in headers before proxying"},
	{ackInfo, ack, "the Info line"},
}

func report(w io.Writer, rounds []round) {
	fmt.Fprintf(w, "\nMedians of %d rounds. CPU is user and system time of the server's process, which has core %s.\n", len(rounds), serverCore)
	fmt.Fprintf(w, "wrk has core %s; so has the backend of forward and proxy, whose CPU is not counted.\n", loadCore)
	fmt.Fprint(w, "Others is the share of core time that went to anything else: beyond a few percent, measure again.\n\n")
	table := tabwriter.NewWriter(w, 0, 0, 2, ' ', tabwriter.AlignRight)
	fmt.Fprint(table, "server\t")
	for _, c := range columns {
		fmt.Fprint(table, c.title, "\t")
	}
	fmt.Fprintln(table)
	for _, s := range compared {
		if _, measured := rounds[0][s]; !measured {
			continue
		}
		fmt.Fprint(table, s.name, "\t")
		for _, c := range columns {
			_, median, _ := quartiles(rounds, func(r round) float64 { return c.of(r[s]) })
			fmt.Fprintf(table, c.format+"\t", median)
		}
		fmt.Fprintln(table)
	}
	_ = table.Flush()

	fmt.Fprint(w, "\nRatios of CPU per request: median of the rounds' own ratios, and the middle half of them.\n\n")
	table = tabwriter.NewWriter(w, 0, 0, 2, ' ', 0)
	for _, p := range pairs {
		_, measured := rounds[0][p.server]
		if _, other := rounds[0][p.to]; !measured || !other {
			continue
		}
		low, median, high := quartiles(rounds, func(r round) float64 { return float64(r[p.server].cpu) / float64(r[p.to].cpu) })
		fmt.Fprintf(table, "%s / %s\t%.3f\t(%.3f to %.3f)\t%s\n", p.server.name, p.to.name, median, low, high, p.what)
	}
	_ = table.Flush()
}

// quartiles returns the quartiles of what of says about each round.
func quartiles(rounds []round, of func(round) float64) (low, median, high float64) {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = of(r)
	}
	slices.Sort(values)
	at := func(share float64) float64 {
		position := share * float64(len(values)-1)
		i := int(position)
		next := values[min(i+1, len(values)-1)]
		return values[i] + (position-float64(i))*(next-values[i])
	}
	return at(0.25), at(0.5), at(0.75)
}
