package delivery

import (
	"slices"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

const (
	// failuresUntilDown is how many failures in a row mean that the backend is down.
	failuresUntilDown = 10

	// maxFailedKeys is how many keys with failures are remembered, which limits memory
	// during a long outage.
	maxFailedKeys = 1000
)

// health finds out whether the backend takes no events at all, or only cannot take certain events. A
// refusal counts as a failure like an outage, since a backend that was deployed wrong may answer 404
// to every event. While the backend is down, the dispatcher sends only one event at a time, as a
// probe that shows whether the backend takes events again.
//
// If only one key has failures, the backend does not count as down. The events of one key are sent
// one at a time anyway, and wait before each retry, so they need not be held back.
//
// Between probes the dispatcher waits as long as between retries, with one exception. The failures
// may come from a few users whose events the backend can never take, while all others only wait. So
// for events of keys that had no failures, only the failed probes of such keys count: the first of
// these events is sent at once, however long the others have been failing.
type health struct {
	pace backoff

	failures int      // how many attempts have failed in a row
	failed   []string // the keys of the events that have failed

	down  bool
	since time.Time // when the backend went down
	any   pace      // for probes with any event
	fresh pace      // for probes with an event of a key that had no failures
	probe *queue.Item
}

// pace says when the next probe of its kind may start.
type pace struct {
	failures int // how many of these probes have failed in a row
	next     time.Time
}

func (p *pace) fail(b backoff, retryAfter time.Duration, now time.Time) {
	p.failures++
	p.next = now.Add(b.waitAtLeast(p.failures, retryAfter))
}

// permission says which events may be sent now.
type permission int

const (
	noEvent    permission = iota
	freshEvent            // only an event of a key that had no failures
	anyEvent
)

// mayBegin returns which events may be sent at the time now, and when that will change. The zero time
// means that it does not change before an attempt has ended.
func (h *health) mayBegin(now time.Time) (permission, time.Time) {
	switch {
	case !h.down:
		return anyEvent, time.Time{}
	case h.probe != nil:
		return noEvent, time.Time{}
	case !now.Before(h.any.next):
		return anyEvent, time.Time{}
	case !now.Before(h.fresh.next):
		return freshEvent, h.any.next
	case h.fresh.next.Before(h.any.next):
		return noEvent, h.fresh.next
	}
	return noEvent, h.any.next
}

// begun is called when an attempt begins.
func (h *health) begun(item *queue.Item) {
	if h.down {
		h.probe = item
	}
}

// delivered is called when the backend has taken an event. It reports whether the backend was down
// until now.
func (h *health) delivered() (recovered bool) {
	recovered = h.down
	*h = health{pace: h.pace}
	return recovered
}

// fail is called when an attempt has failed. It reports whether the backend counts as down from now
// on, and did not before.
func (h *health) fail(item *queue.Item, retryAfter time.Duration, now time.Time) (wentDown bool) {
	fresh := !slices.Contains(h.failed, item.Key)
	if fresh && len(h.failed) < maxFailedKeys {
		h.failed = append(h.failed, item.Key)
	}
	if h.down {
		if item == h.probe { // other attempts began before the backend went down
			h.probe = nil
			h.probeFailed(fresh, retryAfter, now)
		}
		return false
	}
	h.failures++
	if h.failures < failuresUntilDown || len(h.failed) < 2 {
		return false
	}
	h.down, h.since = true, now
	h.probeFailed(false, retryAfter, now)
	if retryAfter > 0 {
		h.fresh.next = h.any.next // the backend has asked for no events at all until then
	}
	return true
}

// interrupted is called when an attempt was cancelled, which says nothing about the backend. If it was
// a probe, another one may begin.
func (h *health) interrupted(item *queue.Item) {
	if item == h.probe {
		h.probe = nil
	}
}

// probeFailed computes when the next probe may begin. A failed probe with an event of a fresh key
// delays all other probes too, so that probes with fresh events and with other events do not add
// up.
func (h *health) probeFailed(fresh bool, retryAfter time.Duration, now time.Time) {
	if !fresh {
		h.any.fail(h.pace, retryAfter, now)
		return
	}
	h.fresh.fail(h.pace, retryAfter, now)
	h.any.failures = max(h.any.failures, h.fresh.failures)
	if h.any.next.Before(h.fresh.next) {
		h.any.next = h.fresh.next
	}
}
