package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/internal/listing"
)

// ReplayEntries implements [queue.Store].
func (s *Store) ReplayEntries(ctx context.Context, cursors ...string) (int, error) {
	places, err := listing.ParseAll(cursors)
	if err != nil {
		return 0, err
	}
	var seqs []int64
	for _, at := range places {
		if at.Section == listing.Dead || at.Section == listing.Delivered {
			seqs = append(seqs, int64(at.M))
		}
	}
	return s.administer(func(_ context.Context, w *writer) (total int, err error) {
		for chunk := range slices.Chunk(seqs, lettersAtOnce) {
			if err := ctx.Err(); err != nil {
				return total, err
			}
			n, err := s.replaySome(w, chunk)
			total += n
			if err != nil {
				return total, err
			}
		}
		return total, nil
	})
}

// replaySome replays events in one transaction. If there is no room for all of them it replays none.
func (s *Store) replaySome(w *writer, seqs []int64) (n int, err error) {
	defer s.giveUp(w)()
	limits := s.limits.Load()
	fits := true
	batch := new(pgx.Batch)
	batch.Queue(s.sql.lock, lockPutsClass, s.queueID.Load())
	batch.Queue(s.sql.replayAt, s.queueID.Load(), s.node, seqs, int64(limits.Events), limits.Bytes, s.options.now()).QueryRow(func(row pgx.Row) error {
		return row.Scan(&n, &fits)
	})
	if err := w.confirm(batch); err != nil {
		return 0, s.unavailable(err)
	}
	if !fits {
		return 0, queue.ErrFull
	}
	return n, nil
}
