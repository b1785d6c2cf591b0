package delivery

import (
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Outcome is what an attempt led to.
type Outcome string

// All values of an [Outcome].
const (
	OutcomeDelivered Outcome = "delivered"
	OutcomeRetried   Outcome = "retried"
	OutcomeDead      Outcome = "dead"
)

// Outcomes returns all of them.
func Outcomes() []Outcome { return []Outcome{OutcomeDelivered, OutcomeRetried, OutcomeDead} }

// Report is about an attempt that has ended, and that counts.
type Report struct {
	Item    *queue.Item // with its attempts as they now are; not to be kept or changed
	Result  Result
	Outcome Outcome
	Took    time.Duration
	Next    time.Time // when the item is due again, if it is retried
}

// Observer is told what a [Dispatcher] does, for logs and metrics. A nil function
// is not called. They are called one after the other, each just before the store
// is told, and must not block.
type Observer struct {
	// Attempted follows every attempt but those that Stop has interrupted.
	Attempted func(Report)

	// Down: the backend is down for everybody, and is only probed from now on.
	Down func()

	// Up: the backend is up again, having been down for so long.
	Up func(downFor time.Duration)

	// StoreFailed: the store could not hand out an event. It is asked again after
	// a pause, unless err is queue.ErrClosed.
	StoreFailed func(err error)
}

func (o *Observer) attempted(r Report) {
	if o.Attempted != nil {
		o.Attempted(r)
	}
}

func (o *Observer) fell() {
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
