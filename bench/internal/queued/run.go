// Package queued compares what an acknowledged callback costs Caddy with a durable
// queue and without.
package queued

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

const help = `Server compares Caddy processes that acknowledge callbacks over TLS, pinned to core
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

func newServers() []*rig.Server {
	server := func(name, site string, procs int) *rig.Server {
		return &rig.Server{Name: name, Core: rig.ServerCore, Procs: procs, Site: site, HasAdmin: true}
	}
	return []*rig.Server{
		server("ack", rig.Handled+" {\n\t\tanswer ack\n\t}", 1),
		server("down", rig.QueueSite(""), 1),
		server("queue", rig.QueueSite(""), 1),
		server("down2", rig.QueueSite(""), 2),
		server("queue2", rig.QueueSite(""), 2),
	}
}

// delivers reports whether a server's backend is there.
func delivers(s *rig.Server) bool { return s.Name == "queue" || s.Name == "queue2" }

// Run compares them.
func Run(ctx context.Context, args []string) (err error) {
	flags := rig.Flags("server", help)
	count := flags.Int("rounds", 7, "how often each server is measured")
	seconds := flags.Int("seconds", 2, "length of a round, below 50: a Sign is fresh for a minute")
	connections := flags.Int("connections", 64, "kept-alive connections of wrk")
	profile := flags.String("profile", "", "after the rounds, write a CPU profile of the loaded server down to this `file`")
	if err := rig.Parse(flags, args); err != nil {
		return err
	}
	if *count < 1 || *connections < 1 || *seconds < 1 || *seconds >= 50 {
		return errors.New("-rounds and -connections must be at least 1, -seconds from 1 to 49")
	}
	dir, caddy, err := rig.Setup(ctx)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()

	nobody, err := rig.FreeAddress()
	if err != nil {
		return err
	}
	backend := &rig.Server{Name: "backend", Core: rig.LoadCore, Site: rig.Static, Plain: true}
	servers := newServers()
	processes := append([]*rig.Server{backend}, servers...)
	defer rig.StopAll(processes)
	for _, s := range processes {
		if s.Backend = nobody; delivers(s) {
			s.Backend = backend.Addr
		}
		if err := s.Start(ctx, caddy, filepath.Join(dir, s.Name)); err != nil {
			return fmt.Errorf("starting the server %s: %w", s.Name, err)
		}
	}
	load := &rig.Generator{Connections: *connections, Script: filepath.Join(dir, "post.lua"), Unique: true}
	rounds, err := measure(ctx, servers, load, *count, time.Duration(*seconds)*time.Second)
	if err != nil {
		return err
	}
	report(os.Stdout, servers, rounds)
	if *profile != "" {
		down := servers[slices.IndexFunc(servers, func(s *rig.Server) bool { return s.Name == "down" })]
		return load.TakeProfile(ctx, down, time.Duration(*seconds)*time.Second, *profile)
	}
	return nil
}
