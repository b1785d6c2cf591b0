package edge

import (
	"fmt"
	"io"
	"text/tabwriter"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

// round has what was measured of each server within one round.
type round map[*server]rig.Result

// columns are what is printed of each server: the median over all rounds.
var columns = []struct {
	title, format string
	of            func(rig.Result) float64
}{
	{"CPU µs/request", "%.1f", func(r rig.Result) float64 { return rig.In(time.Microsecond, r.CPU) }},
	{"requests/s", "%.0f", func(r rig.Result) float64 { return r.PerSecond }},
	{"p50 ms", "%.2f", func(r rig.Result) float64 { return rig.In(time.Millisecond, r.P50) }},
	{"p90 ms", "%.2f", func(r rig.Result) float64 { return rig.In(time.Millisecond, r.P90) }},
	{"p99 ms", "%.2f", func(r rig.Result) float64 { return rig.In(time.Millisecond, r.P99) }},
	{"others %", "%.0f", func(r rig.Result) float64 { return 100 * r.Others }},
}

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
	fmt.Fprintf(w, "\nMedians of %d rounds. CPU is user and system time of the server's process, which has core %s.\n", len(rounds), rig.ServerCore)
	fmt.Fprintf(w, "wrk has core %s; so has the backend of forward and proxy, whose CPU is not counted.\n", rig.LoadCore)
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
		fmt.Fprint(table, s.Name, "\t")
		for _, c := range columns {
			_, median, _ := rig.Quartiles(rounds, func(r round) float64 { return c.of(r[s]) })
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
		low, median, high := rig.Quartiles(rounds, func(r round) float64 { return float64(r[p.server].CPU) / float64(r[p.to].CPU) })
		fmt.Fprintf(table, "%s / %s\t%.3f\t(%.3f to %.3f)\t%s\n", p.server.Name, p.to.Name, median, low, high, p.what)
	}
	_ = table.Flush()
}
