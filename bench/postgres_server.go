package main

import (
	"context"
	"fmt"
	"path/filepath"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

// postgresPairs are the servers whose requests per second are compared.
var postgresPairs = []rig.Pair{
	{One: "postgres", Other: "file", What: "storing in PostgreSQL instead of a file"},
	{One: "postgres+", Other: "file+", What: "the same with deliveries"},
}

// storeOption is the option of a queue that keeps its events in a schema of the server.
func (o *postgresOptions) storeOption(schema string) string {
	return fmt.Sprintf("store postgres %s {\n\t\t\t\tschema %s\n\t\t\t}", o.server.URL(), schema)
}

// compareServers compares what an acknowledged callback costs a whole Caddy with both stores.
func compareServers(ctx context.Context, o *postgresOptions) error {
	r := o.rig
	if err := o.server.Pin(rig.LoadCore); err != nil {
		return err
	}
	nobody, err := rig.FreeAddress()
	if err != nil {
		return err
	}
	backend := rig.NewBackend()
	if err := r.Start(ctx, backend); err != nil {
		return err
	}
	server := func(name, store, backend string) *rig.Server {
		return &rig.Server{Name: name, Core: rig.ServerCore, Procs: 1, Site: rig.QueueSite(store), Backend: backend, HasAdmin: true}
	}
	servers := []*rig.Server{
		server("file", "", nobody),
		server("postgres", o.storeOption("server_down"), nobody),
		server("file+", "", backend.Addr),
		server("postgres+", o.storeOption("server_up"), backend.Addr),
	}
	if err := r.Start(ctx, servers...); err != nil {
		return err
	}
	defer rig.StopServers(servers...)
	c := r.NewComparison(o.load, true, servers)
	rounds, err := c.Measure("\nacknowledged callbacks/s", rig.RequestsPerSecond, func(s *rig.Server, duration time.Duration) (rig.Result, error) {
		before, err := o.server.CPU()
		if err != nil {
			return rig.Result{}, err
		}
		result, err := c.Load.Run(ctx, s, duration)
		if err != nil {
			return result, err
		}
		after, err := o.server.CPU()
		if err == nil && s.Backend == backend.Addr {
			err = drain(ctx, s, duration, &result)
		}
		result.Database = (after - before) / time.Duration(result.Requests)
		if err == nil {
			err = o.server.Settle(ctx)
		}
		return result, err
	})
	if err != nil {
		return err
	}
	rounds.PrintMedians(serverNote, "server", rig.Names(servers),
		rig.RequestsPerSecond, rig.CPUPerRequest, rig.DatabaseCPU, rig.P50, rig.P90, rig.P99, rig.DeliveredRate, rig.OthersPercent)
	rounds.PrintRatios("requests/s", rig.RequestsPerSecond, 2, postgresPairs...)
	rounds.PrintRatios("Caddy's CPU per request", rig.CPUPerRequest, 2, postgresPairs...)
	if o.profile != "" {
		return c.TakeProfile(ctx, servers[1], filepath.Join(filepath.Dir(o.profile), "server-"+filepath.Base(o.profile)))
	}
	return nil
}
