// Command bench measures the module on this machine. `go run ./bench` measures what a
// request costs Caddy with and without the module, over TLS; `go run ./bench store`,
// `server`, `delivery` and `memory` measure how fast and how large the queue is, and
// `postgres` does so for a queue that several nodes share.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/signal"
	"strings"
	"syscall"
)

var benchmarks = map[string]func(ctx context.Context, args []string) error{
	"edge":     runEdge,
	"store":    runStore,
	"server":   runServer,
	"delivery": runDelivery,
	"memory":   runMemory,
	"postgres": runPostgres,
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

func run(ctx context.Context, args []string) error {
	name := "edge"
	if len(args) > 0 && !strings.HasPrefix(args[0], "-") {
		name, args = args[0], args[1:]
	}
	benchmark, ok := benchmarks[name]
	if !ok {
		return fmt.Errorf("%q is none of edge (the default), store, server, delivery, memory and postgres", name)
	}
	return benchmark(ctx, args)
}
