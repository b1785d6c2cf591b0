package main

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

const serverHelp = `Server compares Caddy processes that acknowledge callbacks over TLS, pinned to core
0, in alternating rounds; wrk, pinned to core 1, posts callbacks, each of another
user. A queue that delivers shares the core with what is measured, and is drained
before the next round; the backend has core 1.

  ack      no queue: nothing is kept
  down     a queue; the backend is down, so nothing is delivered meanwhile
  queue    a queue that delivers to a backend that answers at once
  down2    down with GOMAXPROCS=2 on the same core, all others have 1
  queue2   queue with GOMAXPROCS=2

The files are in the temporary folder ($TMPDIR).

Usage: go run ./bench server [flags]
`

// drainLimit is how long it may take to deliver the events of a round after it.
const drainLimit = time.Minute

const serverNote = `. CPU is that of the server's process, with delivering; others is the
share of its core that went to anything else: beyond a few percent, measure again.`

// serverPairs are the servers whose requests per second are compared.
var serverPairs = []rig.Pair{
	{One: "down", Other: "ack", What: "storing before answering"},
	{One: "queue", Other: "ack", What: "storing and delivering"},
	{One: "down", Other: "down2", What: "one processor for Go instead of two, on the same core"},
	{One: "queue", Other: "queue2", What: "the same with deliveries"},
}

// runServer compares what an acknowledged callback costs Caddy with and without a
// durable queue.
func runServer(ctx context.Context, args []string) (err error) {
	flags := rig.NewFlags("server", serverHelp)
	load := flags.Load(7, 64)
	profile := flags.Profile("the loaded server down")
	if err := flags.Parse(args); err != nil {
		return err
	}
	r, err := rig.NewWithCaddy(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	nobody, err := rig.FreeAddress()
	if err != nil {
		return err
	}
	backend := rig.NewBackend()
	if err := r.Start(ctx, backend); err != nil {
		return err
	}
	server := func(name, site, backend string, procs int) *rig.Server {
		return &rig.Server{Name: name, Core: rig.ServerCore, Procs: procs, Site: site, Backend: backend, HasAdmin: true}
	}
	servers := []*rig.Server{
		server("ack", acknowledged, "", 1),
		server("down", rig.QueueSite(""), nobody, 1),
		server("queue", rig.QueueSite(""), backend.Addr, 1),
		server("down2", rig.QueueSite(""), nobody, 2),
		server("queue2", rig.QueueSite(""), backend.Addr, 2),
	}
	if err := r.Start(ctx, servers...); err != nil {
		return err
	}
	c := r.NewComparison(load, true, servers)
	rounds, err := c.Measure("requests/s", rig.RequestsPerSecond, func(s *rig.Server, duration time.Duration) (rig.Result, error) {
		result, err := c.Load.Run(ctx, s, duration)
		if err == nil && s.Backend == backend.Addr {
			err = drain(ctx, s, duration, &result)
		}
		return result, err
	})
	if err != nil {
		return err
	}
	rounds.PrintMedians(serverNote, "server", rig.Names(servers),
		rig.RequestsPerSecond, rig.CPUPerRequest, rig.P50, rig.P90, rig.P99, rig.DeliveredRate, rig.OthersPercent)
	rounds.PrintRatios("requests/s", rig.RequestsPerSecond, 2, serverPairs...)
	if *profile != "" {
		down := servers[slices.Index(rig.Names(servers), "down")]
		return c.TakeProfile(ctx, down, *profile)
	}
	return nil
}

// drain adds to the result how fast the server's queue delivered under the load, and
// waits until the rest is delivered.
func drain(ctx context.Context, s *rig.Server, duration time.Duration, result *rig.Result) error {
	counts, err := s.Queue(ctx)
	if err != nil {
		return err
	}
	result.Delivered = float64(int(result.Requests)-counts.Waiting) / duration.Seconds()
	return s.Drained(ctx, 0, drainLimit)
}
