package file

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// maxMoved is the size in bytes of the payloads after which a move takes no more events.
const maxMoved = 8 << 20

// Move moves events that wait to another store. It gives at most most of them to take, in the order of
// their numbers, each with the time at which its next attempt is due, or the zero time. Of each key these
// are the first events; it passes over keys of which one is in flight. If take returns an error,
// everything is as before, and Move returns that error. Else the events are delivered as far as this
// store is concerned: it removes them and remembers their IDs. Move returns how many those are, and 0
// without an error if no event waits.
//
// An event that cannot be read stays, with those behind it. Move returns the error once there is nothing
// else to move. If Move returns [queue.ErrUnavailable] or [queue.ErrClosed] after take, take has the
// events, but this store still has them too: it removes them as soon as it can write, and hands out
// neither them nor later events of their keys until then. After a crash or Close they wait again.
func (s *Store) Move(most int, take func(items []queue.Item, due []time.Time) error) (int, error) {
	m, err := s.beginMove(most)
	if len(m.events) == 0 {
		return 0, err
	}
	if err := take(m.items(s.options.now())); err != nil {
		s.undoMove(m)
		return 0, err
	}
	return s.endMove(m)
}

// move is a number of events that are being moved, lane by lane, and in each lane in order.
type move struct {
	events   []movedEvent
	bytes    int // the size of the payloads
	hastened int // how often Hasten had been called before
}

type movedEvent struct {
	item queue.Item
	due  time.Time // when the lane would have been ready; zero if it was, and for all but its first event
	more bool      // whether the next event is of the same lane
}

// items returns what take gets.
func (m *move) items(now time.Time) (items []queue.Item, due []time.Time) {
	sorted := slices.Clone(m.events)
	slices.SortFunc(sorted, func(a, b movedEvent) int { return cmp.Compare(a.item.Seq, b.item.Seq) })
	items, due = make([]queue.Item, len(sorted)), make([]time.Time, len(sorted))
	for i, e := range sorted {
		if items[i] = e.item; !e.due.IsZero() {
			due[i] = now.Add(e.due.Sub(now)) // right also if the clock was set since the store was opened
		}
	}
	for i := range m.events {
		m.events[i].item.Payload = nil // take may drop it before all is over
	}
	return items, due
}

// beginMove takes lanes and reads their first events. If there are none, it may return an error.
func (s *Store) beginMove(most int) (*move, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	m := &move{hastened: s.hastened}
	if s.db == nil {
		return m, s.unusable()
	}
	var unreadable error
	runs := s.index.TakeRuns(most)
	read := make([]int, len(runs)) // how many events of each run were read
	err := s.view(func(tx *bolt.Tx) error {
		for i, run := range runs {
			var err error
			if read[i], err = m.read(tx, run.Seqs, run.Due); err != nil {
				unreadable = err
			}
		}
		return nil
	})
	if err != nil {
		unreadable, m.events = err, nil
		clear(read)
	}
	for i, run := range slices.Backward(runs) {
		switch {
		case read[i] > 0:
		case m.bytes < maxMoved:
			s.index.GiveBack(run.Lane, s.options.now().Add(time.Second)) // it cannot be read: others come first
		default:
			s.index.GiveBackFirst(run.Lane, run.Due)
		}
	}
	for _, e := range m.events {
		s.inFlight[e.item.Seq] = true
	}
	return m, unreadable
}

// read reads events of one lane until one is unreadable or there is enough, and returns how many.
func (m *move) read(tx *bolt.Tx, seqs []uint64, due time.Time) (n int, err error) {
	for ; n < len(seqs) && m.bytes < maxMoved; n++ {
		e := movedEvent{due: due, more: true}
		if err = readEvent(tx, seqs[n], &e.item); err != nil {
			err = fmt.Errorf("reading event %d: %w", seqs[n], err)
			break
		}
		m.bytes += len(e.item.Payload)
		m.events = append(m.events, e)
		due = time.Time{}
	}
	if n > 0 {
		m.events[len(m.events)-1].more = false
	}
	return n, err
}

// outcomes returns the events as outcomes of a kind.
func (m *move) outcomes(kind outcomeKind, at func(movedEvent) time.Time) []outcome {
	list := make([]outcome, len(m.events))
	for i, e := range m.events {
		list[i] = outcome{kind: kind, item: e.item, at: at(e), more: e.more, hastened: m.hastened}
	}
	return list
}

// undoMove makes the lanes wait as before. The first event of a lane comes last, since from then on
// the lane can be taken.
func (s *Store) undoMove(m *move) {
	back := m.outcomes(outcomeReturned, func(e movedEvent) time.Time { return e.due })
	slices.Reverse(back)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		s.outcomes = append(s.outcomes, back...) // as in Release
		s.signalOutcomes()
		return
	}
	for i := range back {
		s.retried(&back[i])
	}
	s.wakeUp()
}

// endMove waits until the removal of the events is written.
func (s *Store) endMove(m *move) (int, error) {
	now, last := s.options.now(), m.events[len(m.events)-1].item.Seq
	removed := m.outcomes(outcomeMoved, func(movedEvent) time.Time { return now })
	s.mu.Lock()
	s.outcomes = append(s.outcomes, removed...)
	s.mu.Unlock()
	for {
		// outcomes are written in their order, and before requests, but only so many at once
		_, err := s.do(false, func(*batch) (int, error) { return 0, nil })
		s.mu.Lock()
		written := !s.inFlight[last]
		s.mu.Unlock()
		switch {
		case written:
			return len(m.events), nil
		case err != nil:
			return 0, err
		}
	}
}
