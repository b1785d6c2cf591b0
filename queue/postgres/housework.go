package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// mergeEvery is how often the tallies of nodes that are gone are added up.
const mergeEvery = time.Minute

// doHousework does what only one node has to do: it counts dead letters and bytes, and removes IDs of
// delivered events that need not be remembered any longer, and events that need not be retained, the
// oldest first.
func (s *Store) doHousework(w *writer, merged *time.Time) error {
	s.mu.Lock()
	p := s.parts[housework]
	s.mu.Unlock()
	if p == nil {
		return nil
	}
	if err := s.count(context.Background(), w); err != nil {
		return err
	}
	limits := s.limits.Load()
	until, bytes := s.options.now().Add(-limits.Retain), limits.RetainBytes
	if limits.Retain <= 0 {
		bytes = 0 // also those go that were delivered while the clock was ahead
	}
	evicted, batch := 0, new(pgx.Batch)
	batch.Queue(s.sql.settle)
	batch.Queue(s.sql.forget, s.queueID.Load(), s.remembered())
	batch.Queue(s.sql.evict, s.queueID.Load(), s.node, until, bytes, evictedAtOnce, s.remembered()).QueryRow(scanCount(&evicted))
	if time.Since(*merged) > mergeEvery {
		*merged = time.Now()
		batch.Queue(s.sql.retire, s.queueID.Load())
		batch.Queue(s.sql.merge, s.queueID.Load(), s.node)
	}
	if err := w.confirm(batch); err != nil {
		return err
	}
	if evicted == evictedAtOnce {
		s.beat.send() // there may be more
	}
	return nil
}

// evictedAtOnce is how many retained events one transaction removes at most.
const evictedAtOnce = 5000

type querier interface {
	QueryRow(ctx context.Context, sql string, args ...any) pgx.Row
}

// count updates what this node tells about the whole queue, if it is the one that does so.
func (s *Store) count(ctx context.Context, from querier) error {
	totals, err := s.readTotals(ctx, from)
	if err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.parts[housework] != nil {
		s.housework.Dead, s.housework.Bytes = totals.Dead, totals.Bytes
	}
	return nil
}

func (s *Store) readTotals(ctx context.Context, from querier) (c queue.Counts, err error) {
	err = from.QueryRow(ctx, s.sql.totals, s.queueID.Load(), s.leaseTime()).Scan(&c.InFlight, &c.Waiting, &c.Dead, &c.Bytes)
	c.InFlight = min(c.InFlight, c.Waiting)
	c.Waiting -= c.InFlight
	return c, err
}

// Counts implements [queue.Store].
func (s *Store) Counts() queue.Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	c := s.housework
	c.InFlight = len(s.flights)
	c.Waiting = s.index.Len() - s.index.Taken()
	for _, p := range s.parts {
		if p != nil && p.leaving {
			c.Waiting += p.waiting
		}
	}
	if c.InFlight+c.Waiting > 0 {
		c.Oldest = s.oldest
	}
	if s.spool != nil {
		c.Spooled = s.spool.size()
	}
	return c
}

// Totals implements [queue.Store].
func (s *Store) Totals(ctx context.Context) (queue.Counts, error) {
	c, err := s.readTotals(ctx, s.pool)
	if err == nil && c.Waiting+c.InFlight > 0 {
		c.Oldest, err = s.readOldest(ctx, s.pool, allParts)
	}
	if err != nil {
		return queue.Counts{}, s.unavailable(err)
	}
	if s.spool != nil {
		c.Spooled = s.spool.size()
	}
	return c, nil
}

var allParts = func() (list []int16) {
	for number := range int16(parts) {
		list = append(list, number)
	}
	return list
}()

func (s *Store) readOldest(ctx context.Context, from querier, numbers []int16) (time.Time, error) {
	var oldest *time.Time
	err := from.QueryRow(ctx, s.sql.oldest, s.queueID.Load(), numbers).Scan(&oldest)
	if err != nil || oldest == nil {
		return time.Time{}, err
	}
	return *oldest, nil
}
