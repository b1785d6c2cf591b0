package main

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

const postgresHelp = `Postgres measures store postgres, with a PostgreSQL server of its own on this
machine, whose files are in the temporary folder ($TMPDIR) and whose commits are
synced. It has these parts:

  store    durable events per second with many concurrent senders, each of which
           waits for its event before it sends the next one:
             batch   one INSERT for the events of all senders, from one connection,
                     into the same tables, with nothing else done: the limit
             single  one INSERT per event, from a pool of pgx's default size, as a
                     receiver does that was written by hand: one connection for
                     each core, and at least 4
             single64  the same from a pool of 64 connections
             store   the store's Put, with all that it does
  server   Caddys on core 0, as in the benchmark server, with PostgreSQL and wrk on
           core 1: with either store, while the backend is down, and (+) while it
           answers at once
  nodes    deliveries per second of one Caddy, and of two that share a queue, to a
           backend that is slow enough to limit them
  waiting  a Caddy that starts while many events of distinct users wait (-events):
           how long it takes until it has read them, its memory (RssAnon), and how
           soon the backend gets the first one once it is back

Usage: go run ./bench postgres [flags]
`

// postgresParts are the parts of the benchmark.
var postgresParts = []struct {
	name string
	run  func(ctx context.Context, o *postgresOptions) error
}{
	{"store", compareStores},
	{"server", compareServers},
	{"nodes", compareNodes},
	{"waiting", measureWaiting},
}

// postgresOptions are what the parts of the benchmark have in common.
type postgresOptions struct {
	rig     *rig.Rig
	server  *rig.Postgres
	load    *rig.LoadFlags
	rounds  int
	seconds int
	senders []int
	payload []byte
	events  int
	only    string
	profile string
}

// runPostgres measures the store that several nodes share.
func runPostgres(ctx context.Context, args []string) (err error) {
	var names []string
	for _, p := range postgresParts {
		names = append(names, p.name)
	}
	o := new(postgresOptions)
	flags := rig.NewFlags("postgres", postgresHelp)
	parts := flags.String("parts", strings.Join(names, ","), "what is measured")
	o.load = flags.Load(7, 64)
	senders := flags.String("senders", "64,256", "concurrent senders of the part store")
	size := flags.Number("size", 900, 0, rig.NoLimit, "bytes of a payload, as what is kept of a callback has")
	events := flags.Number("events", 200_000, 1, rig.NoLimit, "waiting events of the part waiting")
	flags.StringVar(&o.only, "only", "", "of the part store, compare only these")
	profile := flags.Profile("the store with the most senders")
	if err := flags.Parse(args); err != nil {
		return err
	}
	o.rounds, o.seconds, o.events, o.profile = o.load.Rounds(), o.load.Seconds(), *events, *profile
	if o.senders, err = parseSenders(*senders); err != nil {
		return err
	}
	wanted := strings.Split(*parts, ",")
	for _, name := range wanted {
		if !slices.Contains(names, name) {
			return fmt.Errorf("-parts: %q is none of %s", name, strings.Join(names, ", "))
		}
	}
	o.payload = bytes.Repeat([]byte(sample.Body), *size/len(sample.Body)+1)[:*size]
	if wanted[0] == "store" && len(wanted) == 1 {
		o.rig, err = rig.New()
	} else {
		o.rig, err = rig.NewWithCaddy(ctx)
	}
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.rig.Close()) }()
	if o.server, err = rig.StartPostgres(); err != nil {
		return err
	}
	defer func() { err = errors.Join(err, o.server.Close()) }()
	for _, part := range postgresParts {
		if slices.Contains(wanted, part.name) {
			if err := part.run(ctx, o); err != nil {
				return err
			}
		}
	}
	return nil
}

// place returns the partition and the hash of a key, as the store computes them.
func place(key string) (part int16, hash int64) {
	sum := sha256.Sum256([]byte(key))
	n := binary.BigEndian.Uint64(sum[:])
	return int16(n % partitions), int64(n)
}
