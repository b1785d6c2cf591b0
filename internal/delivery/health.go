package delivery

import (
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// outagesUntilDown is after how many outages in a row the backend counts as down.
const outagesUntilDown = 10

// health tells an event that the backend cannot take from a backend that is down
// for everybody. While it is down, one event at a time is attempted, at the pace
// of retries, to find out whether it is up again.
//
// Outages of one key alone say nothing about the others. A queue of one key needs
// no holding back: its events are attempted one at a time, at that pace, anyway.
type health struct {
	pace backoff

	outages int    // in a row
	key     string // of the first of them
	several bool   // whether they are of more than one key

	down   bool
	since  time.Time   // when it went down
	probes int         // failed since then, plus 1
	next   time.Time   // when the next probe may begin
	probe  *queue.Item // what is being attempted as one; nil if nothing is
}

// mayBegin reports whether another event may be attempted at now, and if not,
// when; the zero time stands for "when the probe has ended".
func (h *health) mayBegin(now time.Time) (ok bool, at time.Time) {
	switch {
	case !h.down:
		return true, time.Time{}
	case h.probe != nil:
		return false, time.Time{}
	}
	return !now.Before(h.next), h.next
}

// begun notes that an event is being attempted.
func (h *health) begun(item *queue.Item) {
	if h.down {
		h.probe = item
	}
}

// answered notes that the backend took or refused an event, which only one that
// is up can do. It reports whether it had been down.
func (h *health) answered() (recovered bool) {
	recovered = h.down
	*h = health{pace: h.pace}
	return recovered
}

// outage notes one of an event. It reports whether the backend is down since.
func (h *health) outage(item *queue.Item, retryAfter time.Duration, now time.Time) (fell bool) {
	if h.down {
		if item == h.probe { // else it was begun before
			h.probe = nil
			h.pause(retryAfter, now)
		}
		return false
	}
	if h.outages == 0 {
		h.key = item.Key
	}
	h.outages++
	h.several = h.several || item.Key != h.key
	if h.outages < outagesUntilDown || !h.several {
		return false
	}
	h.down, h.since = true, now
	h.pause(retryAfter, now)
	return true
}

func (h *health) pause(retryAfter time.Duration, now time.Time) {
	h.probes++
	h.next = now.Add(h.pace.waitAtLeast(h.probes, retryAfter))
}
