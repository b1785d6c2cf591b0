package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// prefetch is how many events one query reads, so that the next calls of Take need none.
const prefetch = 64

// flight is an event that was taken.
type flight struct {
	part *part
	lane uint64
	size int64
	done bool // its outcome is about to be recorded
}

// Take implements [queue.Store].
func (s *Store) Take(now time.Time, except ...string) (*queue.Item, time.Time, error) {
	if s.isClosing() {
		return nil, time.Time{}, queue.ErrClosed
	}
	passed := make([]uint64, 0, len(except))
	for _, key := range except {
		passed = append(passed, placeOf(key).lane())
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for {
		s.checkDeadlineLocked()
		if len(s.flights) >= s.limits.Load().Flights {
			return nil, time.Time{}, nil // until outcomes are recorded
		}
		lane, seq, ok := s.index.Take(now, passed)
		if !ok {
			return nil, s.index.Next(), nil
		}
		item := s.cache[seq]
		if item == nil {
			want := append([]uint64{seq}, s.index.Peek(prefetch-1)...)
			s.mu.Unlock()
			list, err := s.fetch(want)
			s.mu.Lock()
			if s.flights[seq] != nil || !s.index.IsTaken(lane, seq) {
				continue // the partition was lost meanwhile
			}
			if err != nil {
				s.index.GiveBack(lane, now.Add(time.Second))
				return nil, time.Time{}, err
			}
			if len(s.cache) >= 4*prefetch {
				clear(s.cache)
			}
			for _, other := range list {
				s.cache[other.Seq] = other
			}
			if item = s.cache[seq]; item == nil {
				s.index.RemoveTaken(lane) // somebody has removed the row
				continue
			}
		}
		delete(s.cache, seq)
		at := placeOf(item.Key)
		p := s.parts[at.part] // not nil, since its lanes go with it
		item.Owned = p.ctx
		s.flights[seq] = &flight{part: p, lane: at.lane(), size: sizeOfEvent(len(item.ID), len(item.Key), len(item.Payload))}
		p.flights++
		return item, time.Time{}, nil
	}
}

func (s *Store) fetch(seqs []uint64) ([]*queue.Item, error) {
	ctx, cancel := context.WithTimeout(s.killed, readTimeout)
	defer cancel()
	numbers := make([]int64, len(seqs))
	for i, seq := range seqs {
		numbers[i] = int64(seq)
	}
	rows, err := s.pool.Query(ctx, s.sql.read, s.queueID.Load(), numbers)
	if err != nil {
		return nil, s.unavailable(err)
	}
	list, err := pgx.CollectRows(rows, func(row pgx.CollectableRow) (*queue.Item, error) { return scanItem(row) })
	if err != nil {
		return nil, s.unavailable(err)
	}
	return list, nil
}

// Release implements [queue.Store].
func (s *Store) Release(item *queue.Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flights[item.Seq]
	if f == nil || f.done || item.Owned != f.part.ctx {
		return
	}
	s.land(item.Seq, f, true)
	if lane, ok := s.index.Head(f.lane, item.Seq); ok {
		s.index.GiveBack(lane, time.Time{})
		s.wake.send()
	}
}

// land ends a flight, after which the event may wait again. The caller holds s.mu.
func (s *Store) land(seq uint64, f *flight, waits bool) {
	delete(s.flights, seq)
	if waits && f.part.leaving {
		f.part.waiting++
	}
	if f.part.flights--; f.part.leaving && f.part.flights == 0 {
		s.beat.send()
	}
}

// Hasten implements [queue.Store].
func (s *Store) Hasten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hastened++
	s.index.Hasten()
	s.wake.send()
}
