package delivery

import (
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Outcome says what happened to an event after an attempt.
type Outcome string

// These are all values of an [Outcome].
const (
	OutcomeDelivered Outcome = "delivered" // the backend has taken the event
	OutcomeRetried   Outcome = "retried"   // the event waits for its next attempt
	OutcomeDead      Outcome = "dead"      // the event is a dead letter
)

// Outcomes returns all values of an [Outcome].
func Outcomes() []Outcome { return []Outcome{OutcomeDelivered, OutcomeRetried, OutcomeDead} }

// Report describes an attempt that has ended.
type Report struct {
	Item    *queue.Item // this attempt is counted in it; must not be changed or kept
	Result  Result
	Outcome Outcome
	Took    time.Duration // how long the attempt took
	Next    time.Time     // when the next attempt is due; zero if there will be none
}

// Observer has functions that a [Dispatcher] calls, for logs and metrics. A function may be nil. They
// are never called at the same time, and must not block. An outcome is reported just before it is
// recorded in the store.
type Observer struct {
	// Attempted is called after every attempt, except those that were cancelled by Stop or
	// since their events were lost.
	Attempted func(Report)

	// Down is called when the backend takes no events at all. From now on the
	// dispatcher sends only one event at a time, as a probe.
	Down func()

	// Up is called when the backend takes events again. downFor is how long it was
	// down.
	Up func(downFor time.Duration)

	// StoreFailed is called when Take of the store has failed. The dispatcher calls
	// Take again after a pause, unless err is [queue.ErrClosed].
	StoreFailed func(err error)
}

func (o *Observer) attempted(r Report) {
	if o.Attempted != nil {
		o.Attempted(r)
	}
}

func (o *Observer) wentDown() {
	if o.Down != nil {
		o.Down()
	}
}

func (o *Observer) recovered(downFor time.Duration) {
	if o.Up != nil {
		o.Up(downFor)
	}
}

func (o *Observer) storeFailed(err error) {
	if o.StoreFailed != nil {
		o.StoreFailed(err)
	}
}
