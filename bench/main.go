// Command bench compares what a request costs Caddy with and without
// tim_callback, over TLS on this machine: `go run ./bench`.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"syscall"
	"time"
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

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	err := run(ctx, os.Args[1:])
	stop()
	switch {
	case errors.Is(err, flag.ErrHelp):
	case err != nil:
		fmt.Fprintln(os.Stderr, "bench:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, args []string) (err error) {
	opts, err := parseOptions(args)
	if err != nil {
		return err
	}
	if err := checkMachine(); err != nil {
		return err
	}
	dir, err := os.MkdirTemp("", "tim-bench-")
	if err != nil {
		return fmt.Errorf("making a temporary folder: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	fmt.Println("building cmd/caddy")
	caddy := filepath.Join(dir, "caddy")
	build := exec.CommandContext(ctx, "go", "build", "-o", caddy, "github.com/d13c7061/caddy-tim-callback/cmd/caddy")
	if output, err := build.CombinedOutput(); err != nil {
		return fmt.Errorf("building cmd/caddy: %w\n%s", err, output)
	}
	processes := slices.Clone(opts.servers)
	if slices.ContainsFunc(processes, func(s *server) bool { return s.proxies }) {
		processes = append([]*server{backend}, processes...)
	}
	// last in, first out: the servers are stopped before their folder goes
	defer stopAll(processes)
	for _, s := range processes {
		if err := s.start(ctx, caddy, filepath.Join(dir, s.name), s == opts.profiled); err != nil {
			return fmt.Errorf("starting the server %s: %w", s.name, err)
		}
	}
	load := &generator{connections: opts.connections, script: filepath.Join(dir, "post.lua")}
	rounds, err := measure(ctx, opts, load)
	if err != nil {
		return err
	}
	report(os.Stdout, rounds)
	if opts.profiled != nil {
		return takeProfile(ctx, opts, load)
	}
	return nil
}

func parseOptions(args []string) (*options, error) {
	var names, described []string
	for _, s := range compared {
		names = append(names, s.name)
		described = append(described, fmt.Sprintf("  %-9s %s\n", s.name, s.what))
	}
	opts := new(options)
	flags := flag.NewFlagSet("bench", flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprintf(flags.Output(), help, strings.Join(described, ""))
		flags.PrintDefaults()
	}
	flags.IntVar(&opts.rounds, "rounds", 15, "how often each server is measured")
	seconds := flags.Int("seconds", 2, "length of a round, below 50: a Sign is fresh for a minute")
	flags.IntVar(&opts.connections, "connections", 32, "kept-alive connections of wrk")
	selected := flags.String("servers", strings.Join(names, ","), "servers to compare")
	flags.StringVar(&opts.profile, "profile", "", "after the rounds, write a CPU profile of a loaded server to this `file`")
	profiled := flags.String("profiled", ack.name, "the `server` that -profile is about")
	if err := flags.Parse(args); err != nil {
		if errors.Is(err, flag.ErrHelp) {
			return nil, err
		}
		return nil, errors.New("see -help") // the flag package has said what is wrong
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
	case flags.NArg() > 0:
		return nil, fmt.Errorf("surplus argument %q", flags.Arg(0))
	case opts.rounds < 1 || opts.connections < 1:
		return nil, errors.New("-rounds and -connections must be at least 1")
	case *seconds < 1 || *seconds >= 50:
		return nil, errors.New("-seconds must be from 1 to 49")
	}
	return opts, nil
}

func checkMachine() error {
	for program, pack := range map[string]string{"wrk": "wrk", "taskset": "util-linux"} {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is missing, install it with `apt-get install -y %s`: %w", program, pack, err)
		}
	}
	if runtime.NumCPU() < 2 {
		return errors.New("at least two cores are needed: one for the servers, one for the load")
	}
	return nil
}

// measure loads one server after the other, in an order that is rotated from
// round to round: what slows the machine down for a while must not hit the same
// one every time.
func measure(ctx context.Context, opts *options, load *generator) ([]round, error) {
	for _, s := range opts.servers {
		if _, err := load.run(ctx, s, time.Second); err != nil { // warm-up
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
			result, err := load.run(ctx, s, opts.round)
			if err != nil {
				fmt.Println()
				return nil, fmt.Errorf("round %d: %w", i+1, err)
			}
			rounds[i][s] = result
			fmt.Printf("  %s %.1f", s.name, in(time.Microsecond, result.cpu))
		}
		fmt.Println()
	}
	return rounds, nil
}
