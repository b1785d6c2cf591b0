package postgres

import (
	"context"
	"slices"
)

// part is a partition, or the housework, that this node holds. Each claim has an owner of its own, so
// what was noted under an earlier claim is rejected.
type part struct {
	number  int
	owner   string
	ctx     context.Context // ends when the lease is lost
	cancel  context.CancelFunc
	leaving bool // no more events are taken from it, and it is released when none is in flight
	waiting int  // how many events it had when it was left
	flights int  // its events that are in flight, or whose outcome is not recorded yet
}

// holding are the partitions that this node holds, as arguments of a statement.
type holding struct {
	numbers []int16
	owners  []string
}

func (h *holding) add(p *part) {
	h.numbers = append(h.numbers, int16(p.number))
	h.owners = append(h.owners, p.owner)
}

func (s *Store) held() (h holding, flights int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, p := range s.parts {
		if p != nil {
			h.add(p)
		}
	}
	return h, len(s.flights)
}

func (s *Store) holdsAny() bool {
	for _, p := range s.parts {
		if p != nil {
			return true
		}
	}
	return false
}

// leave takes no more events from a partition. The caller holds s.mu.
func (s *Store) leave(p *part) {
	if !p.leaving {
		p.leaving = true
		before := s.index.Len() - s.index.Taken()
		s.dropLanesOf(p)
		p.waiting = before - (s.index.Len() - s.index.Taken()) // they still are this node's
	}
}

func (s *Store) dropLanesOf(p *part) {
	s.dropLanes(func(number int) bool { return number == p.number })
}

func (s *Store) dropLanes(lost func(number int) bool) {
	s.index.Drop(func(lane uint64) bool { return lost(partOf(lane)) })
	clear(s.cache)
}

// checkDeadline gives up everything if the leases were not renewed in time.
func (s *Store) checkDeadline() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.checkDeadlineLocked()
}

func (s *Store) checkDeadlineLocked() {
	if s.holdsAny() && sinceBoot() >= s.deadline {
		s.logger.Warn("the leases of this node were not renewed in time: other nodes deliver its events")
		s.loseAll()
	}
}

// formerOwners returns the owners under which this node has held partitions that it has given up. It may
// claim these again at once.
func (s *Store) formerOwners() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.former)
}

// mostFormer is how many of them are kept.
const mostFormer = 256

func (s *Store) disown(p *part) {
	if !slices.Contains(s.former, p.owner) {
		s.former = append(s.former, p.owner)
	}
	s.former = s.former[max(len(s.former)-mostFormer, 0):]
}

// lose gives up a partition that another node may hold by now. The caller holds s.mu.
func (s *Store) lose(p *part) {
	s.disown(p)
	s.forgetPart(p)
	s.dropLanesOf(p)
}

func (s *Store) loseAll() {
	for _, p := range s.parts {
		if p != nil {
			s.disown(p)
			s.forgetPart(p)
		}
	}
	s.dropLanes(func(int) bool { return true })
}

func (s *Store) forgetPart(p *part) {
	p.cancel()
	s.parts[p.number] = nil
	for seq, f := range s.flights {
		if f.part == p {
			delete(s.flights, seq)
		}
	}
	s.wake.send() // others may be taken in place of these
	if p.number == housework {
		s.housework.Dead, s.housework.Bytes = 0, 0
	}
}
