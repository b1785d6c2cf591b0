// Command bench measures the module on this machine: `go run ./bench` what a
// request costs Caddy with and without it, over TLS; `go run ./bench store`,
// `server`, `delivery` and `memory` how fast and how large the queue is.
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

	"github.com/d13c7061/caddy-tim-callback/bench/internal/deliveries"
	"github.com/d13c7061/caddy-tim-callback/bench/internal/edge"
	"github.com/d13c7061/caddy-tim-callback/bench/internal/memory"
	"github.com/d13c7061/caddy-tim-callback/bench/internal/queued"
	"github.com/d13c7061/caddy-tim-callback/bench/internal/stores"
)

var benchmarks = map[string]func(ctx context.Context, args []string) error{
	"edge":     edge.Run,
	"store":    stores.Run,
	"server":   queued.Run,
	"delivery": deliveries.Run,
	"memory":   memory.Run,
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
		return fmt.Errorf("%q is none of edge (the default), store, server, delivery and memory", name)
	}
	return benchmark(ctx, args)
}
