package postgres

import (
	"context"
	"hash/fnv"
	"slices"
	"time"

	"github.com/google/uuid"
	"github.com/jackc/pgx/v5"
)

// renewals is how often a lease is renewed before it would end.
const renewals = 4

// turn is how often the keeper looks who holds which partition.
func (s *Store) turn() time.Duration {
	return min(max(s.leaseTime()/20, 50*time.Millisecond), 500*time.Millisecond)
}

// keep is the goroutine that keeps this node's leases. It also finds out whether the server is there.
func (s *Store) keep() {
	var w *writer
	defer func() { w.close() }()
	var renewed, merged time.Time
	for {
		timer := time.NewTimer(s.turn())
		select {
		case <-timer.C:
		case <-s.beat:
			timer.Stop()
		case <-s.closing:
			timer.Stop()
			s.resign(w)
			return
		}
		s.checkDeadline()
		before := w
		var err error
		if w, err = s.connected(w); err == nil {
			if w != before {
				renewed = time.Time{}
			}
			stop := s.giveUp(w)
			if err = s.takeTurn(w, &renewed); err == nil {
				err = s.doHousework(w, &merged)
			}
			stop()
		}
		if err != nil {
			s.health.failed(keeping, s.explain(err))
			w.close()
			w = nil
			continue
		}
		s.health.succeeded(keeping)
		if s.health.needsTrial() {
			w = s.tryToStore(w)
		}
	}
}

// tryToStore finds out whether events can be stored again. Storing none needs all that storing some does. It
// does not wait for long, since leases must be renewed meanwhile.
func (s *Store) tryToStore(w *writer) *writer {
	stop := s.giveUpAfter(w, min(2*slow, s.leaseTime()/renewals))
	defer stop()
	if err := s.commitPuts(w, nil, nil); err != nil {
		s.health.failed(storing, s.explain(err))
		w.close()
		return nil
	}
	s.health.succeeded(storing)
	return w
}

// takeTurn gives a sign of life, renews leases in time, and claims and releases partitions.
func (s *Store) takeTurn(w *writer, renewed *time.Time) error {
	sent := sinceBoot()
	lease := s.leaseTime()
	mine, flights := s.held()
	former := s.formerOwners()
	renewing := len(mine.numbers) > 0 && time.Since(*renewed) > lease/renewals
	var kept []int16
	var nodes []string
	free := make(map[int]bool)
	batch := new(pgx.Batch)
	batch.Queue(s.sql.settle)
	if s.resting.Load() { // without a sign of life it gets no partitions, and hands over those it has
		batch.Queue(s.sql.resign, s.queueID.Load(), s.node)
	} else {
		batch.Queue(s.sql.beat, s.queueID.Load(), s.node, flights)
	}
	if renewing {
		batch.Queue(s.sql.renew, s.queueID.Load(), lease, mine.numbers, mine.owners).Query(into(&kept))
	}
	batch.Queue(s.sql.nodes, s.queueID.Load(), lease).Query(into(&nodes))
	batch.Queue(s.sql.leases, s.queueID.Load()).Query(func(rows pgx.Rows) error {
		var number int
		var owner string
		var expired bool
		_, err := pgx.ForEachRow(rows, []any{&number, &owner, &expired}, func() error {
			if expired || slices.Contains(former, owner) {
				free[number] = true
			}
			return nil
		})
		return err
	})
	if err := w.confirm(batch); err != nil {
		return err
	}
	if renewing {
		*renewed = time.Now()
		s.keepOnly(mine, kept, sent+lease)
	}
	var claims []int16
	s.mu.Lock()
	s.nodes = len(nodes)
	for number := range s.parts {
		ours := chooseNode(nodes, number) == s.node
		switch p := s.parts[number]; {
		case p != nil && !ours:
			s.leave(p)
		case p == nil && ours && free[number] && !s.isClosing():
			claims = append(claims, int16(number))
		}
	}
	s.mu.Unlock()
	if err := s.releaseLeft(w); err != nil {
		return err
	}
	return s.claim(w, claims)
}

// chooseNode returns the node that should hold a partition (rendezvous hashing): when a node comes or goes,
// only the partitions that it gets or had change hands.
func chooseNode(nodes []string, number int) (chosen string) {
	var most uint64
	for _, node := range nodes {
		h := fnv.New64a()
		h.Write([]byte(node))
		h.Write([]byte{byte(number)})
		x := h.Sum64() // its high bits depend little on the last byte, so they are mixed
		x ^= x >> 33
		x *= 0xff51afd7ed558ccd
		x ^= x >> 33
		if chosen == "" || x > most || x == most && node > chosen {
			chosen, most = node, x
		}
	}
	return chosen
}

// keepOnly gives up the partitions of mine that are not among kept.
func (s *Store) keepOnly(mine holding, kept []int16, deadline time.Duration) {
	still := make(map[int16]bool, len(kept))
	for _, number := range kept {
		still[number] = true
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.deadline = deadline
	for i, number := range mine.numbers {
		if p := s.parts[number]; p != nil && p.owner == mine.owners[i] && !still[number] {
			s.lose(p)
		}
	}
}

// claim claims partitions that nobody holds.
func (s *Store) claim(w *writer, numbers []int16) error {
	if len(numbers) == 0 {
		return nil
	}
	sent, lease, owner := sinceBoot(), s.leaseTime(), uuid.NewString()
	var claimed []int16
	batch := new(pgx.Batch)
	batch.Queue(s.sql.settle)
	batch.Queue(s.sql.claim, s.queueID.Load(), owner, lease, numbers, s.formerOwners()).Query(into(&claimed))
	if err := w.confirm(batch); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	// the deadline of all partitions is that of the one that was renewed first
	if held := s.holdsAny(); !held || sent+lease < s.deadline {
		s.deadline = sent + lease
	}
	for _, number := range claimed {
		p := &part{number: int(number), owner: owner}
		p.ctx, p.cancel = context.WithCancel(context.Background())
		s.parts[number] = p
		if number != housework {
			s.unread = append(s.unread, p)
		}
	}
	s.read.send()
	return nil
}

// releaseLeft releases the partitions that were left and have no events in flight any more.
func (s *Store) releaseLeft(w *writer) error {
	var left holding
	s.mu.Lock()
	for _, p := range s.parts {
		if p != nil && p.leaving && p.flights == 0 {
			left.add(p)
			s.forgetPart(p)
		}
	}
	s.mu.Unlock()
	return s.releaseLeases(w, left)
}

func (s *Store) releaseLeases(w *writer, h holding) error {
	if len(h.numbers) == 0 {
		return nil
	}
	batch := new(pgx.Batch)
	batch.Queue(s.sql.settle)
	batch.Queue(s.sql.release, s.queueID.Load(), h.numbers, h.owners)
	return w.confirm(batch)
}

// resign releases all leases when the store is closed, after the outcomes were recorded.
func (s *Store) resign(w *writer) {
	if w == nil {
		return
	}
	<-s.recorded
	h, _ := s.held()
	batch := new(pgx.Batch)
	batch.Queue(s.sql.settle)
	batch.Queue(s.sql.release, s.queueID.Load(), h.numbers, h.owners)
	batch.Queue(s.sql.resign, s.queueID.Load(), s.node)
	_ = w.confirm(batch)
}
