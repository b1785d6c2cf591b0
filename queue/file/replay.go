package file

import (
	"context"
	"fmt"
	"slices"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/internal/listing"
)

// ReplayEntries implements [queue.Store].
func (s *Store) ReplayEntries(ctx context.Context, cursors ...string) (total int, err error) {
	places, err := listing.ParseAll(cursors)
	if err != nil {
		return 0, err
	}
	for chunk := range slices.Chunk(places, lettersAtOnce) {
		if err := ctx.Err(); err != nil {
			return total, err
		}
		n, err := s.do(true, func(b *batch) (int, error) { return b.replay(chunk) })
		total += n
		if err != nil {
			return total, err
		}
	}
	return total, nil
}

// replay replays dead letters and retained events. If there is no room for all of them it replays none.
func (b *batch) replay(places []listing.Place) (total int, err error) {
	events, bytes := 0, 0
	for _, at := range places {
		if value := b.retainedAt(at); value != nil {
			events++
			bytes += len(value)
		}
	}
	if events > 0 && (b.count+events > b.limits.Events || b.bytes+int64(bytes) > b.limits.Bytes) {
		return 0, queue.ErrFull
	}
	for _, at := range places {
		n := 0
		switch at.Section {
		case listing.Dead:
			n, err = b.resolve([][]byte{encodeNumber(at.N)}, replayed)
		case listing.Delivered:
			n, err = b.replayRetained(at)
		}
		if err != nil {
			return 0, fmt.Errorf("event %v: %w", at, err)
		}
		total += n
	}
	return total, nil
}

// retainedAt returns the record of the retained event at a place; nil if there is none.
func (b *batch) retainedAt(at listing.Place) []byte {
	if b.retained == nil || at.Section != listing.Delivered {
		return nil
	}
	return b.retained.Get(encodeNumber(at.N))
}

func (b *batch) replayRetained(at listing.Place) (n int, err error) {
	value := b.retainedAt(at)
	if value == nil {
		return 0, nil // it was replayed or removed meanwhile
	}
	item, _, err := decodeEnded(value)
	if err != nil {
		return 0, err
	}
	b.letGo(b.store.hash(item.ID), at.N, len(value))
	b.count++
	if err := b.putAgain(&item); err != nil {
		return 0, err
	}
	return 1, b.retained.Delete(encodeNumber(at.N))
}
