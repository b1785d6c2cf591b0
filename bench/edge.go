package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

const edgeHelp = `Bench compares servers over TLS with kept-alive connections, each a Caddy process
of its own pinned to core 0, in alternating rounds; wrk, pinned to core 1, posts
the documented sample callback, validly signed. It needs wrk and taskset, on
Linux with at least two cores, and a quiet machine.

Servers:
%s
Usage: go run ./bench [flags]
`

// edgeFlags are the flags of the edge benchmark.
type edgeFlags struct {
	load     *rig.LoadFlags
	servers  []*rig.Server
	profile  string      // a file, "" for no profile
	profiled *rig.Server // nil for no profile
}

// runEdge compares what a request costs Caddy with and without tim_callback.
func runEdge(ctx context.Context, args []string) (err error) {
	flags, err := parseEdgeFlags(args)
	if err != nil {
		return err
	}
	r, err := rig.NewWithCaddy(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, r.Close()) }()
	backend := rig.NewBackend()
	if slices.ContainsFunc(flags.servers, (*rig.Server).NeedsBackend) {
		if err := r.Start(ctx, backend); err != nil {
			return err
		}
	}
	for _, s := range flags.servers {
		s.Backend, s.HasAdmin = backend.Addr, s == flags.profiled
	}
	if err := r.Start(ctx, flags.servers...); err != nil {
		return err
	}
	c := r.NewComparison(flags.load, false, flags.servers)
	rounds, err := c.Measure("CPU µs per request", rig.CPUPerRequest, func(s *rig.Server, duration time.Duration) (rig.Result, error) {
		return c.Load.Run(ctx, s, duration)
	})
	if err != nil {
		return err
	}
	rounds.PrintMedians(edgeNote, "server", rig.Names(edgeServers),
		rig.CPUPerRequest, rig.RequestsPerSecond, rig.P50, rig.P90, rig.P99, rig.OthersPercent)
	rounds.PrintRatios("CPU per request", rig.CPUPerRequest, 3, edgePairs...)
	if flags.profiled != nil {
		return c.TakeProfile(ctx, flags.profiled, flags.profile)
	}
	return nil
}

func parseEdgeFlags(args []string) (*edgeFlags, error) {
	names := rig.Names(edgeServers)
	var described strings.Builder
	for _, s := range edgeServers {
		fmt.Fprintf(&described, "  %-9s %s\n", s.Name, s.What)
	}
	flags := rig.NewFlags("edge", fmt.Sprintf(edgeHelp, &described))
	parsed := &edgeFlags{load: flags.Load(15, 32)}
	selected := flags.String("servers", strings.Join(names, ","), "servers to compare")
	profile := flags.Profile("a loaded server")
	profiled := flags.String("profiled", ack.Name, "the `server` that -profile is about")
	if err := flags.Parse(args); err != nil {
		return nil, err
	}
	for name := range strings.SplitSeq(*selected, ",") {
		i := slices.Index(names, name)
		switch {
		case i < 0:
			return nil, fmt.Errorf("-servers: %q is none of %s", name, strings.Join(names, ", "))
		case slices.Contains(parsed.servers, edgeServers[i]):
			return nil, fmt.Errorf("-servers has %s twice", name)
		}
		parsed.servers = append(parsed.servers, edgeServers[i])
	}
	if parsed.profile = *profile; parsed.profile != "" {
		i := slices.Index(rig.Names(parsed.servers), *profiled)
		if i < 0 {
			return nil, fmt.Errorf("-profiled: %q is not among -servers", *profiled)
		}
		parsed.profiled = parsed.servers[i]
	}
	return parsed, nil
}
