package queues

import (
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
)

// noteDown returns o noting since when the backend of the queue takes no events at all.
func (q *Queue) noteDown(o delivery.Observer) delivery.Observer {
	down, up := o.Down, o.Up
	o.Down = func() {
		q.downSince.Store(time.Now().UnixNano())
		if down != nil {
			down()
		}
	}
	o.Up = func(downFor time.Duration) {
		q.downSince.Store(0)
		if up != nil {
			up(downFor)
		}
	}
	return o
}

// down returns since when the backend takes no events at all; zero if it does, or nobody knows yet.
func (q *Queue) down() time.Time {
	if at := q.downSince.Load(); at != 0 {
		return time.Unix(0, at)
	}
	return time.Time{}
}
