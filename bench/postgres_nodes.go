package main

import (
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"sync/atomic"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

const (
	nodesWorkers = 8
	nodesDelay   = 30 * time.Millisecond // of each delivery at the backend
	nodesFill    = 12_000                // events that wait at the start of a round
	nodesSettle  = 2 * time.Second       // from then on until a round is measured
)

// nodesKind is how many Caddys share a queue.
type nodesKind int

func (k nodesKind) String() string {
	if k == 1 {
		return "one"
	}
	return "two"
}

var deliveriesPerSecond = rig.Quantity[float64]{Title: "deliveries/s", Format: "%.0f", Of: func(r float64) float64 { return r }}

// compareNodes compares how fast one and two Caddys deliver to a slow backend.
func compareNodes(ctx context.Context, o *postgresOptions) error {
	if err := o.server.Pin(rig.AllCores); err != nil {
		return err
	}
	kinds := []nodesKind{1, 2}
	made := 0
	fmt.Printf("\ndeliveries/s with %d workers to a backend that takes %v for each, in the order of measuring:\n", nodesWorkers, nodesDelay)
	rounds, err := rig.Alternate(o.rounds, kinds, deliveriesPerSecond, func(k nodesKind) (float64, error) {
		made++
		return o.measureNodes(ctx, int(k), fmt.Sprint("nodes_", made))
	})
	if err != nil {
		return err
	}
	rounds.PrintMedians("", "Caddys", rig.Names(kinds), deliveriesPerSecond)
	rounds.PrintRatios("deliveries/s", deliveriesPerSecond, 2, rig.Pair{One: "two", Other: "one"})
	return nil
}

// measureNodes starts Caddys that share a queue, lets events wait, and measures how many of them the
// backend gets per second once it is there.
func (o *postgresOptions) measureNodes(ctx context.Context, n int, schema string) (float64, error) {
	address, err := rig.FreeAddress()
	if err != nil {
		return 0, err
	}
	var servers []*rig.Server
	site := rig.QueueSite(fmt.Sprintf("%s\n\t\t\tretry 50ms 600ms\n\t\t\tworkers %d", o.storeOption(schema), nodesWorkers))
	for i := range n {
		servers = append(servers, &rig.Server{Name: fmt.Sprint(schema, "-", i), Site: site, Backend: address, HasAdmin: true})
	}
	if err := o.rig.Start(ctx, servers...); err != nil {
		return 0, err
	}
	defer rig.StopServers(servers...)
	if _, err := fillQueue(ctx, servers[0], o.rig.NewGenerator(64, true), nodesFill); err != nil {
		return 0, err
	}
	for _, s := range servers {
		if err := awaitShare(ctx, s, n); err != nil {
			return 0, err
		}
	}
	b, err := startSlowBackend(address, nodesDelay)
	if err != nil {
		return 0, err
	}
	defer func() { _ = b.Close() }()
	if err := rig.Sleep(ctx, nodesSettle); err != nil {
		return 0, err
	}
	start, before := time.Now(), b.taken.Load()
	if err := rig.Sleep(ctx, time.Duration(o.seconds)*time.Second); err != nil {
		return 0, err
	}
	taken := b.taken.Load() - before
	rate := float64(taken) / time.Since(start).Seconds()
	counts, err := servers[0].Queue(ctx)
	if err == nil && counts.Waiting == 0 {
		err = fmt.Errorf("the queue was empty before the round was over")
	}
	return rate, err
}

// awaitShare waits until a server delivers its share of the partitions.
func awaitShare(ctx context.Context, s *rig.Server, nodes int) error {
	for start := time.Now(); ; {
		counts, err := s.Queue(ctx)
		if err != nil || counts.Node.Nodes == nodes && (nodes == 1 && counts.Node.Partitions == partitions || nodes > 1 && counts.Node.Partitions > 0 && counts.Node.Partitions < partitions) {
			return err
		}
		if time.Since(start) > 30*time.Second {
			return fmt.Errorf("the server %s has %d partitions of %d nodes", s.Name, counts.Node.Partitions, counts.Node.Nodes)
		}
		if err := rig.Sleep(ctx, 20*time.Millisecond); err != nil {
			return err
		}
	}
}

// slowBackend takes its time for each event, and counts them.
type slowBackend struct {
	*http.Server
	taken atomic.Int64
}

func startSlowBackend(address string, delay time.Duration) (*slowBackend, error) {
	b := new(slowBackend)
	b.Server = &http.Server{Handler: http.HandlerFunc(func(_ http.ResponseWriter, r *http.Request) {
		_, _ = io.Copy(io.Discard, r.Body)
		time.Sleep(delay)
		b.taken.Add(1)
	})}
	listener, err := net.Listen("tcp", address)
	if err != nil {
		return nil, fmt.Errorf("starting the backend: %w", err)
	}
	go func() { _ = b.Serve(listener) }()
	return b, nil
}
