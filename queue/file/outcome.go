package file

import (
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// outcome says how the delivery of an item ended.
type outcome struct {
	kind outcomeKind
	item queue.Item
	at   time.Time // when it was delivered, or when the next attempt is due
	more bool      // whether the next event of its lane was taken together with it

	hastened int // how often Hasten had been called before
}

type outcomeKind uint8

const (
	outcomeDelivered outcomeKind = iota
	outcomeRetry
	outcomeBuried
	outcomeMoved    // to another store
	outcomeReleased // this changes nothing in the file
	outcomeReturned // as if it had not been taken at all; this changes nothing in the file either
)

// Delivered implements [queue.Store].
func (s *Store) Delivered(item *queue.Item) {
	s.addOutcome(outcome{kind: outcomeDelivered, item: *item, at: s.options.now()})
}

// Retry implements [queue.Store].
func (s *Store) Retry(item *queue.Item, at time.Time) {
	s.addOutcome(outcome{kind: outcomeRetry, item: *item, at: at})
}

// Bury implements [queue.Store].
func (s *Store) Bury(item *queue.Item) { s.addOutcome(outcome{kind: outcomeBuried, item: *item}) }

func (s *Store) addOutcome(o outcome) {
	s.mu.Lock()
	if s.inFlight[o.item.Seq] {
		o.hastened = s.hastened
		s.outcomes = append(s.outcomes, o)
	}
	s.mu.Unlock()
	s.signalOutcomes()
}

func (s *Store) signalOutcomes() {
	select {
	case s.outcomesAdded <- struct{}{}:
	default:
	}
}
