// Package edge compares what a request costs Caddy with and without tim_callback.
package edge

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

const help = `Bench compares servers over TLS with kept-alive connections, each a Caddy process
of its own pinned to core 0, in alternating rounds; wrk, pinned to core 1, posts
the documented sample callback, validly signed. It needs wrk and taskset, on
Linux with at least two cores, and a quiet machine.

Servers:
%s
Usage: go run ./bench [flags]
`

// options are what the flags say.
type options struct {
	servers     []*server
	rounds      int
	round       time.Duration
	connections int
	profile     string  // file, "" for none
	profiled    *server // nil for none
}

// Run compares the servers that the flags name.
func Run(ctx context.Context, args []string) (err error) {
	opts, err := parseOptions(args)
	if err != nil {
		return err
	}
	dir, caddy, err := rig.Setup(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	var processes []*rig.Server
	var backend *rig.Server
	if slices.ContainsFunc(opts.servers, func(s *server) bool { return s.proxies }) {
		backend = newBackend()
		processes = append(processes, backend)
	}
	for _, s := range opts.servers {
		s.HasAdmin = s == opts.profiled
		processes = append(processes, &s.Server)
	}
	// last in, first out: the servers are stopped before their folder goes
	defer rig.StopAll(processes)
	for _, s := range processes {
		if backend != nil {
			s.Backend = backend.Addr
		}
		if err := s.Start(ctx, caddy, filepath.Join(dir, s.Name)); err != nil {
			return fmt.Errorf("starting the server %s: %w", s.Name, err)
		}
	}
	load := &rig.Generator{Connections: opts.connections, Script: filepath.Join(dir, "post.lua")}
	rounds, err := measure(ctx, opts, load)
	if err != nil {
		return err
	}
	report(os.Stdout, rounds)
	if opts.profiled != nil {
		return load.TakeProfile(ctx, &opts.profiled.Server, opts.round, opts.profile)
	}
	return nil
}

func parseOptions(args []string) (*options, error) {
	var names, described []string
	for _, s := range compared {
		names = append(names, s.Name)
		described = append(described, fmt.Sprintf("  %-9s %s\n", s.Name, s.What))
	}
	opts := new(options)
	flags := rig.Flags("edge", fmt.Sprintf(help, strings.Join(described, "")))
	flags.IntVar(&opts.rounds, "rounds", 15, "how often each server is measured")
	seconds := flags.Int("seconds", 2, "length of a round, below 50: a Sign is fresh for a minute")
	flags.IntVar(&opts.connections, "connections", 32, "kept-alive connections of wrk")
	selected := flags.String("servers", strings.Join(names, ","), "servers to compare")
	flags.StringVar(&opts.profile, "profile", "", "after the rounds, write a CPU profile of a loaded server to this `file`")
	profiled := flags.String("profiled", ack.Name, "the `server` that -profile is about")
	if err := rig.Parse(flags, args); err != nil {
		return nil, err
	}
	byName := func(name string) *server {
		if i := slices.Index(names, name); i >= 0 {
			return compared[i]
		}
		return nil
	}
	for name := range strings.SplitSeq(*selected, ",") {
		s := byName(name)
		switch {
		case s == nil:
			return nil, fmt.Errorf("-servers: %q is none of %s", name, strings.Join(names, ", "))
		case slices.Contains(opts.servers, s):
			return nil, fmt.Errorf("-servers: %s is there twice", name)
		}
		opts.servers = append(opts.servers, s)
	}
	if opts.profile != "" {
		if opts.profiled = byName(*profiled); !slices.Contains(opts.servers, opts.profiled) {
			return nil, fmt.Errorf("-profiled: %q is not among -servers", *profiled)
		}
	}
	opts.round = time.Duration(*seconds) * time.Second
	switch {
	case opts.rounds < 1 || opts.connections < 1:
		return nil, errors.New("-rounds and -connections must be at least 1")
	case *seconds < 1 || *seconds >= 50:
		return nil, errors.New("-seconds must be from 1 to 49")
	}
	return opts, nil
}

// measure loads one server after the other, in an order that is rotated from
// round to round: what slows the machine down for a while must not hit the same
// one every time.
func measure(ctx context.Context, opts *options, load *rig.Generator) ([]round, error) {
	for _, s := range opts.servers {
		if _, err := load.Run(ctx, &s.Server, time.Second); err != nil { // warm-up
			return nil, err
		}
	}
	fmt.Println("CPU µs per request, in the order of measuring:")
	rounds := make([]round, opts.rounds)
	for i := range rounds {
		rounds[i] = make(round)
		fmt.Printf("round %d:", i+1)
		for n := range opts.servers {
			s := opts.servers[(i+n)%len(opts.servers)]
			result, err := load.Run(ctx, &s.Server, opts.round)
			if err != nil {
				fmt.Println()
				return nil, fmt.Errorf("round %d: %w", i+1, err)
			}
			rounds[i][s] = result
			fmt.Printf("  %s %.1f", s.Name, rig.In(time.Microsecond, result.CPU))
		}
		fmt.Println()
	}
	return rounds, nil
}
