package main

import (
	"context"
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/d13c7061/caddy-tim-callback/bench/internal/rig"
)

const (
	waitingLimit  = 3 * time.Minute
	waitingOutage = 10 * time.Second // how long the backend is down after the events were read
	waitingOpens  = 3
)

// multiply makes many events of distinct users of the first one in a schema, as if they had been put.
const multiply = `WITH sample AS (
	SELECT * FROM %[1]s.event ORDER BY seq LIMIT 1
), made AS (
	SELECT s.queue, convert_to('many/' || n, 'UTF8') AS key, convert_to('many-' || n, 'UTF8') AS id, s.payload
	FROM sample s, generate_series(1, %[2]d) AS n
), placed AS (
	SELECT *, ('x' || encode(substr(sha256(key), 1, 8), 'hex'))::bit(64)::bigint AS hash FROM made
), added AS (
	INSERT INTO %[1]s.event (queue, part, key, keyhash, id, received, payload)
	SELECT queue, (hash & 63)::smallint, key, hash, id, now(), payload FROM placed
	RETURNING queue, length(payload) + length(key) + length(id) + 64 AS size
) INSERT INTO %[1]s.tally (queue, node, slot, waiting, dead, bytes)
	SELECT queue, gen_random_uuid(), 1, count(*), 0, sum(size) FROM added GROUP BY queue`

// measureWaiting measures a Caddy that starts while many events wait.
func measureWaiting(ctx context.Context, o *postgresOptions) error {
	if err := o.server.Pin(rig.AllCores); err != nil {
		return err
	}
	few, err := o.openWaiting(ctx, "waiting_few", "few")
	if err != nil {
		return err
	}
	rig.StopServers(few.server)
	fmt.Printf("\na Caddy for which %d events wait takes %d MB\n", few.events, few.memory>>20)

	first, err := o.openWaiting(ctx, "waiting_many", "first")
	if err != nil {
		return err
	}
	rig.StopServers(first.server)
	if err := o.fill(ctx, "waiting_many"); err != nil {
		return err
	}
	for n := range waitingOpens {
		many, err := o.openWaiting(ctx, "waiting_many", "many-"+strconv.Itoa(n))
		if err != nil {
			return err
		}
		fmt.Printf("a Caddy for which %d events wait has read them %.2f s after its start, and takes %d MB more",
			many.events, many.took.Seconds(), (many.memory-few.memory)>>20)
		if err := rig.Sleep(ctx, waitingOutage); err != nil {
			return err
		}
		later, err := many.server.RssAnon()
		if err != nil {
			return err
		}
		fmt.Printf(", %d MB after %v\n", (later-few.memory)>>20, waitingOutage)
		if n == waitingOpens-1 {
			err = many.awaitFirst(ctx)
		}
		rig.StopServers(many.server)
		if err != nil {
			return err
		}
	}
	return nil
}

// fill multiplies the first event in a schema.
func (o *postgresOptions) fill(ctx context.Context, schema string) error {
	start := time.Now()
	if err := o.server.Run(ctx, fmt.Sprintf(multiply, schema, o.events)); err != nil {
		return err
	}
	fmt.Printf("%d events were made in %.1f s\n", o.events, time.Since(start).Seconds())
	return errors.Join(o.server.Run(ctx, "VACUUM ANALYZE "+schema+".event"), o.server.Settle(ctx))
}

// waiting is a Caddy that has read all events of its queue.
type waiting struct {
	server  *rig.Server
	backend string // its address, where nobody listens yet
	events  int
	took    time.Duration
	memory  int64
}

// openWaiting starts a Caddy, and waits until it has read all events that wait.
func (o *postgresOptions) openWaiting(ctx context.Context, schema, name string) (*waiting, error) {
	w := new(waiting)
	var err error
	if w.backend, err = rig.FreeAddress(); err != nil {
		return nil, err
	}
	site := rig.QueueSite(o.storeOption(schema) + "\n\t\t\tretry 50ms 600ms")
	w.server = &rig.Server{Name: schema + "-" + name, Procs: 2, Site: site, Backend: w.backend, HasAdmin: true}
	start := time.Now()
	if err := o.rig.Start(ctx, w.server); err != nil { // it answers a callback, which is the first event
		return nil, err
	}
	for {
		counts, err := w.server.Queue(ctx)
		if err != nil {
			return nil, err
		}
		own := counts.Node.Waiting + counts.Node.InFlight
		if counts.Node.Partitions == partitions && own > 0 && own == counts.Left() {
			w.events, w.took = own, time.Since(start)
			break
		}
		if time.Since(start) > waitingLimit {
			return nil, fmt.Errorf("after %v the server has only %d of %d events", waitingLimit, own, counts.Left())
		}
		if err := rig.Sleep(ctx, 10*time.Millisecond); err != nil {
			return nil, err
		}
	}
	if err := rig.Sleep(ctx, time.Second); err != nil {
		return nil, err
	}
	w.memory, err = w.server.RssAnon()
	return w, err
}

// awaitFirst starts the backend, and prints how soon it gets the first event and how fast others.
func (w *waiting) awaitFirst(ctx context.Context) error {
	back := time.Now()
	b, err := startCountingBackend(w.backend)
	if err != nil {
		return err
	}
	defer func() { _ = b.Close() }()
	select {
	case first := <-b.first:
		fmt.Printf("the backend gets the first event %.3f s after it is there", first.Sub(back).Seconds())
	case <-time.After(waitingLimit):
		return fmt.Errorf("after %v the backend has got no event", waitingLimit)
	case <-ctx.Done():
		return ctx.Err()
	}
	before, start := b.taken.Load(), time.Now()
	if err := rig.Sleep(ctx, 5*time.Second); err != nil {
		return err
	}
	fmt.Printf(", and then %.0f per second\n", float64(b.taken.Load()-before)/time.Since(start).Seconds())
	return nil
}
