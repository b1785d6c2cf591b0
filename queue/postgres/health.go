package postgres

import (
	"errors"
	"sync"
	"time"

	"go.uber.org/zap"
)

// health knows whether the server confirms what is written.
type health struct {
	store *Store

	mu      sync.Mutex
	failing [roles]bool   // what has failed when it was last tried
	down    bool          // whether anything has
	since   time.Time     // when it went down
	cause   string        // the error that was logged last
	logged  time.Time     // when that was
	writing time.Time     // when the batch of events that is being written was begun; zero if there is none
	changed chan struct{} // is closed when down changes
}

// role is what the server is needed for. That one succeeds says little about the other: the user may lack
// a right, or a lock may be held.
type role int

const (
	storing role = iota // events
	keeping             // leases, and the record of outcomes
	roles
)

// slow is how long the server may take to confirm events before it counts as down.
const slow = time.Second

var errSlow = errors.New("it does not confirm what is written; a synchronous standby may be missing")

func (h *health) init(s *Store) {
	h.store, h.changed = s, make(chan struct{})
}

func (h *health) isUp() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return !h.down && !h.isStuck()
}

// isStuck reports whether events wait too long to be confirmed.
func (h *health) isStuck() bool { return !h.writing.IsZero() && time.Since(h.writing) > slow }

// succeeded is called when the server has confirmed something.
func (h *health) succeeded(r role) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if !h.down || h.isStuck() {
		return
	}
	if h.failing[r] = false; h.failing != [roles]bool{} {
		return
	}
	h.down = false
	h.turn()
	down := zap.Duration("down_for", time.Since(h.since))
	if h.store.spool != nil {
		h.store.logger.Info("PostgreSQL confirms events again", down)
	} else {
		h.store.options.OnError(nil)
	}
}

// newCause is how long an outage is not logged again although it has another cause now.
const newCause = 10 * time.Second

// failed is called when the server has failed to confirm something. err says what to do about it.
func (h *health) failed(r role, err error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	if h.store.isClosing() {
		return
	}
	h.failing[r] = true
	switch {
	case !h.down:
		h.down, h.since = true, time.Now()
		h.turn()
		if h.store.spool == nil {
			h.store.options.OnError(err)
			break
		}
		h.store.logger.Warn("events are kept on the disk of this machine until PostgreSQL confirms them again", zap.Error(err))
	case err.Error() != h.cause && time.Since(h.logged) > newCause:
		h.store.logger.Warn("PostgreSQL still confirms nothing, for another reason than before", zap.Error(err))
	default:
		return
	}
	h.cause, h.logged = err.Error(), time.Now()
}

// needsTrial reports whether storing has failed, so that somebody has to try whether it works again.
func (h *health) needsTrial() bool {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.failing[storing] && !h.isStuck()
}

func (h *health) turn() {
	close(h.changed)
	h.changed = make(chan struct{})
	h.store.beat.send()
}

// change returns a channel that is closed when the server goes down or comes up.
func (h *health) change() <-chan struct{} {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.changed
}

// began is called before a batch of events is written, and the function that it returns after that.
func (h *health) began() (done func()) {
	h.mu.Lock()
	defer h.mu.Unlock()
	h.writing = time.Now()
	return func() {
		h.mu.Lock()
		defer h.mu.Unlock()
		h.writing = time.Time{}
	}
}
