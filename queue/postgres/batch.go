package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgtype"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// storeBatch stores events and answers their callers. It opens a connection if w is nil, and returns nil
// after the connection has failed. It also returns how many events came meanwhile.
func (s *Store) storeBatch(w *writer, list []*put) (_ *writer, left int) {
	done := s.health.began()
	full := make([]bool, len(list))
	began, idle := time.Now(), w != nil
	w, err := s.tryBatch(w, list, full)
	if err != nil && idle && time.Since(began) < slow/4 {
		// the connection may have been lost while nothing was sent; if the events were stored
		// nevertheless, their IDs tell
		w, err = s.tryBatch(nil, list, full)
	}
	done()
	if err != nil {
		s.health.failed(storing, s.explain(err))
		err = queue.ErrUnavailable
	} else {
		s.health.succeeded(storing)
		s.read.send()
	}
	left = s.inbox.Len()
	for i, p := range list {
		switch {
		case err != nil:
			p.added = false
			p.done <- err
		case full[i]:
			p.done <- queue.ErrFull
		default:
			p.done <- nil
		}
	}
	return w, left
}

// tryBatch stores events. After an error the connection is closed.
func (s *Store) tryBatch(w *writer, list []*put, full []bool) (*writer, error) {
	if w = w.unlessFormer(); w == nil {
		ctx, cancel := context.WithTimeout(s.killed, s.target.Load().patience())
		defer cancel()
		var err error
		if w, err = s.connect(ctx); err != nil {
			return nil, err
		}
	}
	stop := s.giveUp(w)
	defer stop()
	if err := s.commitPuts(w, list, full); err != nil {
		w.close()
		return nil, err
	}
	return w, nil
}

// giveUp closes the connection if the server does not answer for so long that waiting has no use. What
// was written may be stored nevertheless.
func (s *Store) giveUp(w *writer) (stop func()) { return s.giveUpAfter(w, s.leaseTime()) }

func (s *Store) giveUpAfter(w *writer, patience time.Duration) (stop func()) {
	slowly := time.AfterFunc(slow, func() { s.health.failed(storing, errSlow) })
	at := time.AfterFunc(patience, func() { _ = w.PgConn().Conn().Close() })
	return func() {
		slowly.Stop()
		at.Stop()
	}
}

// commitPuts stores events in one transaction, and sets in full which there is no room for.
func (s *Store) commitPuts(w *writer, list []*put, full []bool) error {
	// the same ID twice would fail the whole statement
	first := make(map[string]int, len(list))
	var unique []*put
	for i, p := range list {
		if _, ok := first[string(p.id)]; !ok {
			first[string(p.id)] = i
			unique = append(unique, p)
		}
	}
	limits := s.limits.Load()
	var events, bytes, size int64
	for _, p := range unique {
		size += p.size()
	}
	run := func(statement string, results ...any) error {
		batch := new(pgx.Batch)
		batch.Queue(s.sql.lock, lockPutsClass, s.queueID.Load())
		batch.Queue(statement, s.putArgs(unique, *limits, int64(len(unique)), size)...).QueryRow(func(row pgx.Row) error {
			return row.Scan(append([]any{&events, &bytes}, results...)...)
		})
		return w.confirm(batch)
	}
	var known, added [][]byte
	var forgotten bool
	if err := run(s.sql.put, &known, &forgotten); err != nil {
		return err
	}
	fits := func() bool {
		return events+int64(len(unique)) <= int64(limits.Events) && bytes+size <= limits.Bytes
	}
	if fits() {
		for _, p := range unique {
			p.added = true
		}
		for _, id := range known {
			list[first[string(id)]].added = false
		}
		if !forgotten {
			return nil
		}
		if err := run(s.sql.putAgain, &added); err != nil {
			return err
		}
	}
	if !fits() {
		within, refused, err := s.commitWithin(w, unique, *limits)
		if err != nil {
			return err
		}
		added = within
		for i, p := range list {
			full[i] = refused[string(p.id)]
		}
	}
	for _, id := range added {
		list[first[string(id)]].added = true
	}
	return nil
}

func (p *put) size() int64 { return sizeOfEvent(len(p.id), len(p.key), len(p.payload)) }

func (s *Store) putArgs(list []*put, limits queue.Limits, events, bytes int64) []any {
	var ( // their types spare pgx the use of reflection
		part     = make(pgtype.FlatArray[int16], len(list))
		key      = make(pgtype.FlatArray[[]byte], len(list))
		hash     = make(pgtype.FlatArray[int64], len(list))
		id       = make(pgtype.FlatArray[[]byte], len(list))
		received = make(pgtype.FlatArray[time.Time], len(list))
		payload  = make(pgtype.FlatArray[[]byte], len(list))
	)
	for i, p := range list {
		part[i], key[i], hash[i], id[i], received[i], payload[i] = p.place.part, p.key, p.place.hash, p.id, p.received, p.payload
	}
	return []any{s.queueID.Load(), s.node, int64(limits.Events), limits.Bytes, events, bytes, s.remembered(), part, key, hash, id, received, payload}
}

// remembered returns the time of which events that were delivered before are forgotten.
func (s *Store) remembered() time.Time { return s.options.now().Add(-queue.Remember) }

// commitWithin stores as many events as there is room for, while others wait. It is slower than storing
// events without looking which of them are known.
func (s *Store) commitWithin(w *writer, list []*put, limits queue.Limits) (added [][]byte, refused map[string]bool, err error) {
	ctx := context.Background()
	tx, err := w.Begin(ctx)
	if err != nil {
		return nil, nil, err
	}
	defer func() { _ = tx.Rollback(ctx) }()
	if _, err := tx.Exec(ctx, s.sql.lock, lockPutsClass, s.queueID.Load()); err != nil {
		return nil, nil, err
	}
	var events, bytes int64
	if err := tx.QueryRow(ctx, s.sql.room, s.queueID.Load()).Scan(&events, &bytes); err != nil {
		return nil, nil, err
	}
	ids := make([][]byte, len(list))
	for i, p := range list {
		ids[i] = p.id
	}
	rows, err := tx.Query(ctx, s.sql.known, s.queueID.Load(), ids, s.remembered())
	if err != nil {
		return nil, nil, err
	}
	found, err := pgx.CollectRows(rows, pgx.RowTo[[]byte])
	if err != nil {
		return nil, nil, err
	}
	known := make(map[string]bool, len(found))
	for _, id := range found {
		known[string(id)] = true
	}
	refused = make(map[string]bool)
	fitting := slices.DeleteFunc(slices.Clone(list), func(p *put) bool {
		if known[string(p.id)] {
			return true
		}
		if events >= int64(limits.Events) || bytes+p.size() > limits.Bytes {
			refused[string(p.id)] = true
			return true
		}
		events++
		bytes += p.size()
		return false
	})
	if len(fitting) > 0 {
		err := tx.QueryRow(ctx, s.sql.putAgain, s.putArgs(fitting, queue.Limits{Events: maxInt, Bytes: maxInt}, 0, 0)...).Scan(&events, &bytes, &added)
		if err != nil {
			return nil, nil, err
		}
	}
	return added, refused, w.commit(tx)
}

const maxInt = 1<<63 - 1
