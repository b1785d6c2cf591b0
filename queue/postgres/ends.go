package postgres

import (
	"context"
	"slices"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// outcome says how the delivery of an event has ended.
type outcome struct {
	seq      uint64
	flight   *flight
	state    int16 // what the event becomes, as in the schema
	at       *time.Time
	attempts *string
	hastened int // how often Hasten had been called before
}

const (
	stateWaiting   = 0
	stateDead      = 1
	stateDelivered = 2
)

// Delivered implements [queue.Store].
func (s *Store) Delivered(item *queue.Item) {
	now := s.options.now()
	o := outcome{state: stateDelivered, at: &now}
	if s.limits.Load().Retain > 0 {
		o.attempts = encodeAttempts(item)
	}
	s.end(item, o)
}

// Retry implements [queue.Store].
func (s *Store) Retry(item *queue.Item, at time.Time) {
	at = at.Round(0)
	s.end(item, outcome{state: stateWaiting, at: &at, attempts: encodeAttempts(item)})
}

// Bury implements [queue.Store].
func (s *Store) Bury(item *queue.Item) {
	s.end(item, outcome{state: stateDead, attempts: encodeAttempts(item)})
}

// end notes an outcome, unless the event was lost since it was taken.
func (s *Store) end(item *queue.Item, o outcome) {
	s.mu.Lock()
	defer s.mu.Unlock()
	f := s.flights[item.Seq]
	if f == nil || f.done || item.Owned != f.part.ctx {
		return
	}
	f.done = true
	o.seq, o.flight, o.hastened = item.Seq, f, s.hastened
	s.outcomes = append(s.outcomes, o)
	s.ended.send()
}

// recordPause is how long the recorder waits after it has failed.
const recordPause = 300 * time.Millisecond

// record is the goroutine that records outcomes.
func (s *Store) record() {
	defer close(s.recorded)
	var w *writer
	defer func() { w.close() }()
	for closing := false; !closing; {
		select {
		case <-s.ended:
		case <-s.closing:
			closing = true // the last outcomes are recorded, if the server is there
		}
		for {
			list := s.nextOutcomes()
			if len(list) == 0 {
				break
			}
			var err error
			if w, err = s.connected(w); err == nil {
				stop := s.giveUp(w)
				err = s.recordBatch(w, list)
				stop()
			}
			if err == nil {
				continue
			}
			s.health.failed(keeping, s.explain(err))
			w.close()
			w = nil
			s.mu.Lock()
			s.outcomes = append(list, s.outcomes...)
			s.mu.Unlock()
			if closing || !s.pause(recordPause) {
				break
			}
		}
	}
}

// nextOutcomes takes the outcomes that one transaction records. Those of lost partitions are left out.
func (s *Store) nextOutcomes() []outcome {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.outcomes = slices.DeleteFunc(s.outcomes, func(o outcome) bool { return s.flights[o.seq] != o.flight })
	n := min(len(s.outcomes), maxBatch)
	list := slices.Clone(s.outcomes[:n])
	s.outcomes = slices.Delete(s.outcomes, 0, n)
	return list
}

// recordBatch records outcomes. The server ignores those whose lease another node has claimed.
func (s *Store) recordBatch(w *writer, list []outcome) error {
	var mine holding
	var (
		seq      = make([]int64, len(list))
		number   = make([]int16, len(list))
		owner    = make([]string, len(list))
		state    = make([]int16, len(list))
		at       = make([]*time.Time, len(list))
		attempts = make([]*string, len(list))
		size     = make([]int64, len(list))
	)
	dead := false
	for i, o := range list {
		p := o.flight.part
		seq[i], number[i], owner[i], state[i], at[i], attempts[i], size[i] = int64(o.seq), int16(p.number), p.owner, o.state, o.at, o.attempts, o.flight.size
		if !slices.Contains(mine.owners, p.owner) || !slices.Contains(mine.numbers, int16(p.number)) {
			mine.add(p)
		}
		dead = dead || o.state == stateDead
	}
	var held []int16
	batch := new(pgx.Batch)
	if dead { // dead letters become visible in the order of their numbers
		batch.Queue(s.sql.lock, lockDeathsClass, s.queueID.Load())
	} else {
		batch.Queue(s.sql.settle)
	}
	batch.Queue(s.sql.ends, s.queueID.Load(), s.node, mine.numbers, mine.owners, seq, number, owner, state, at, attempts, size, s.limits.Load().Retain > 0).Query(into(&held))
	if err := w.confirm(batch); err != nil {
		return err
	}
	if dead {
		ctx, cancel := context.WithTimeout(s.killed, readTimeout)
		defer cancel()
		_ = s.count(ctx, s.pool) // else the keeper does so at its next turn
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, o := range list {
		if s.flights[o.seq] != o.flight {
			continue
		}
		if !slices.Contains(held, int16(o.flight.part.number)) {
			s.lose(o.flight.part)
			continue
		}
		s.land(o.seq, o.flight, o.state == stateWaiting)
		lane, ok := s.index.Head(o.flight.lane, o.seq)
		switch {
		case !ok:
		case o.state != stateWaiting:
			s.index.Remove(o.flight.lane, lane)
		case o.hastened != s.hastened: // Hasten was called while the outcome was being recorded
			s.index.GiveBack(lane, time.Time{})
		default:
			s.index.GiveBack(lane, *o.at)
		}
	}
	s.moved.Store(true)
	s.read.send()
	s.wake.send()
	return nil
}
