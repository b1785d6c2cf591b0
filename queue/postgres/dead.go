package postgres

import (
	"bytes"
	"context"
	"fmt"
	"slices"
	"strconv"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// adminTimeout bounds the queries of calls that no callback waits for.
const adminTimeout = 30 * time.Second

// Dead implements [queue.Store].
func (s *Store) Dead(after string, limit int) ([]queue.Dead, error) {
	var from int64
	if after != "" {
		var err error
		if from, err = strconv.ParseInt(after, 10, 64); err != nil || from < 0 {
			return nil, fmt.Errorf("%q is not a cursor of a dead letter", after)
		}
	}
	if s.isClosing() {
		return nil, queue.ErrClosed
	}
	ctx, cancel := context.WithTimeout(s.killed, adminTimeout)
	defer cancel()
	rows, err := s.pool.Query(ctx, s.sql.dead, s.queueID.Load(), from, limit)
	if err != nil {
		return nil, s.unavailable(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (queue.Dead, error) {
		var died int64
		item, err := scanItem(row, &died)
		if err != nil {
			return queue.Dead{}, err
		}
		return queue.Dead{Item: *item, Cursor: strconv.FormatInt(died, 10)}, nil
	})
	if err != nil {
		return nil, s.unavailable(err)
	}
	return list, nil
}

// Replay implements [queue.Store].
func (s *Store) Replay(ids ...string) (int, error) {
	return s.resolve(ids, func(batch *pgx.Batch, died []int64, n *int) {
		batch.Queue(s.sql.lock, lockPutsClass, s.queueID.Load())
		batch.Queue(s.sql.replay, s.queueID.Load(), s.node, died, s.options.now()).QueryRow(scanCount(n))
	})
}

// Drop implements [queue.Store].
func (s *Store) Drop(ids ...string) (int, error) {
	return s.resolve(ids, func(batch *pgx.Batch, died []int64, n *int) {
		batch.Queue(s.sql.settle)
		batch.Queue(s.sql.drop, s.queueID.Load(), s.node, died).QueryRow(scanCount(n))
	})
}

func scanCount(n *int) func(pgx.Row) error {
	return func(row pgx.Row) error { return row.Scan(n) }
}

// lettersAtOnce is how many dead letters one transaction resolves. It is small, so that puts do not have to
// wait for long.
const lettersAtOnce = 250

// resolve removes the dead letters with these IDs, or all that there are when it is called, in the order in
// which they died.
func (s *Store) resolve(ids []string, how func(batch *pgx.Batch, died []int64, n *int)) (int, error) {
	return s.administer(func(ctx context.Context, w *writer) (int, error) { return s.resolveOn(ctx, w, ids, how) })
}

// administer runs change, which returns how many events it has changed, on a connection of its own.
func (s *Store) administer(change func(ctx context.Context, w *writer) (int, error)) (int, error) {
	if s.isClosing() {
		return 0, queue.ErrClosed
	}
	ctx, cancel := context.WithTimeout(s.killed, adminTimeout)
	defer cancel()
	w, err := s.connect(ctx)
	if err != nil {
		return 0, s.unavailable(err)
	}
	defer w.close()
	n, err := change(ctx, w)
	if n > 0 {
		s.read.send()
		_ = s.count(ctx, s.pool) // else the keeper does so at its next turn
	}
	return n, err
}

func (s *Store) resolveOn(ctx context.Context, w *writer, ids []string, how func(batch *pgx.Batch, died []int64, n *int)) (total int, err error) {
	resolveSome := func(died []int64) error {
		stop := s.giveUp(w)
		defer stop()
		n, batch := 0, new(pgx.Batch)
		how(batch, died, &n)
		if err := w.confirm(batch); err != nil {
			return s.unavailable(err)
		}
		total += n
		return nil
	}
	if len(ids) > 0 {
		all, err := s.lettersOf(ctx, w, ids)
		if err != nil {
			return 0, err
		}
		for died := range slices.Chunk(all, lettersAtOnce) {
			if err := resolveSome(died); err != nil {
				return total, err
			}
		}
		return total, nil
	}
	var last, after int64
	if err := w.QueryRow(ctx, s.sql.lastDead, s.queueID.Load()).Scan(&last); err != nil {
		return 0, s.unavailable(err)
	}
	for {
		rows, err := w.Query(context.Background(), s.sql.deadAfter, s.queueID.Load(), after, last, lettersAtOnce)
		if err != nil {
			return total, s.unavailable(err)
		}
		died, err := pgx.CollectRows(rows, pgx.RowTo[int64])
		if err != nil {
			return total, s.unavailable(err)
		}
		if len(died) == 0 {
			return total, nil
		}
		if err := resolveSome(died); err != nil {
			return total, err
		}
		after = died[len(died)-1]
	}
}

// lettersOf returns the numbers of the dead letters with these IDs, in the order in which they died.
func (s *Store) lettersOf(ctx context.Context, w *writer, ids []string) ([]int64, error) {
	var all []int64
	for chunk := range slices.Chunk(ids, maxBatch) {
		raw := make([][]byte, len(chunk))
		for i, id := range chunk {
			raw[i] = []byte(id)
		}
		var found [][]byte
		rows, err := w.Query(ctx, s.sql.deadIDs, s.queueID.Load(), raw)
		if err != nil {
			return nil, s.unavailable(err)
		}
		var died int64
		var id []byte
		_, err = pgx.ForEachRow(rows, []any{&died, &id}, func() error {
			all = append(all, died)
			found = append(found, bytes.Clone(id))
			return nil
		})
		if err != nil {
			return nil, s.unavailable(err)
		}
		for _, id := range raw {
			if !slices.ContainsFunc(found, func(f []byte) bool { return bytes.Equal(f, id) }) {
				return nil, fmt.Errorf("%w: %q", queue.ErrNotFound, id)
			}
		}
	}
	slices.Sort(all)
	return slices.Compact(all), nil
}
