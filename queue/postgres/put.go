package postgres

import (
	"context"
	"runtime"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

const (
	// maxBatch is the most events that one transaction stores, and maxBatchBytes their size.
	maxBatch      = 1024
	maxBatchBytes = 8 << 20

	// spoolReserve is the part of the time for a put that is kept for the spool.
	spoolReserve = 700 * time.Millisecond
)

// put is an event that is to be stored.
type put struct {
	id, key, payload []byte
	place            place
	received         time.Time
	added            bool
	done             chan error // has room for the answer, since the caller of Put may have given up
}

var puts = sync.Pool{New: func() any { return &put{id: []byte{}, key: []byte{}, payload: []byte{}, done: make(chan error, 1)} }}

// maxReused is the largest payload, in bytes, whose memory is reused.
const maxReused = 8 << 10

func (p *put) set(e *queue.Event, received time.Time) {
	p.id, p.key, p.payload = append(p.id[:0], e.ID...), append(p.key[:0], e.Key...), append(p.payload[:0], e.Payload...)
	p.place, p.received, p.added = placeOf(e.Key), received, false
}

// Put implements [queue.Store]. An event that the server does not confirm in time goes into the spool.
// If the server has it nevertheless, the ID tells when the spool is emptied.
func (s *Store) Put(ctx context.Context, e queue.Event) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	s.putting.RLock()
	defer s.putting.RUnlock()
	if s.isClosing() {
		return false, queue.ErrClosed
	}
	if s.spool != nil && (s.spool.has(e.Key) || !s.health.isUp()) {
		return s.spool.put(ctx, e)
	}
	if !s.health.isUp() {
		return false, queue.ErrUnavailable
	}
	p := puts.Get().(*put)
	p.set(&e, s.options.now())
	if !s.inbox.Add(p) {
		return false, queue.ErrClosed
	}
	patience, stop := s.patience(ctx)
	defer stop()
	var err error
	select {
	case err = <-p.done:
		added := p.added
		if cap(p.payload) <= maxReused {
			puts.Put(p)
		}
		if err == nil || err == queue.ErrFull {
			return added, err
		}
	case <-patience:
		if s.inbox.Remove(p) {
			puts.Put(p)
		}
		err = queue.ErrUnavailable
	case <-ctx.Done():
		s.inbox.Remove(p)
		return false, ctx.Err()
	}
	if s.spool != nil {
		return s.spool.put(ctx, e)
	}
	return false, err
}

// patience returns a channel that receives when it is time to use the spool instead. It is nil if
// there is no spool or no hurry.
func (s *Store) patience(ctx context.Context) (c <-chan time.Time, stop func()) {
	deadline, ok := ctx.Deadline()
	if s.spool == nil {
		return nil, func() {}
	}
	wait := 2 * slow
	if ok {
		left := time.Until(deadline)
		wait = min(wait, max(left-spoolReserve, left/2))
	}
	timer := time.NewTimer(wait)
	return timer.C, func() { timer.Stop() }
}

// write is the goroutine that stores events. There is only one in each node.
func (s *Store) write() {
	var w *writer
	defer func() { w.close() }()
	var list []*put
	var took time.Duration
	expected := 0 // events, if the callers that were answered come again
	for closed := false; !closed; {
		select {
		case <-s.inbox.Filled:
			if len(list) >= busyBatch {
				s.awaitMore(min(expected, maxBatch), min(took/awaitShare, awaitMost))
			}
			list = s.inbox.Gather(list)
		case <-s.closing:
			list, closed = s.inbox.Close(), true
		}
		began := time.Now()
		for rest := list; len(rest) > 0; {
			n, size := 0, 0
			for n < len(rest) && (n == 0 || size+len(rest[n].payload) <= maxBatchBytes) {
				size += len(rest[n].payload)
				n++
			}
			var left int
			w, left = s.storeBatch(w, rest[:n])
			expected = n + left
			rest = rest[n:]
		}
		took = time.Since(began)
		if closed && len(list) == maxBatch {
			closed = false
		}
	}
}

// After a batch of busyBatch events or more, the next one may wait for further events for as long as an
// awaitShare-th of what the last one took.
const (
	busyBatch  = 16
	awaitShare = 4
	awaitMost  = 2 * time.Millisecond
	awaitPause = 100 * time.Microsecond
)

// awaitMore waits until so many events are there as expected, while at least one comes in each awaitPause, but
// not longer than limit. Most of what a transaction costs does not depend on how many events it stores, so under
// load fewer and larger ones are faster. It does not sleep, since a sleep takes longer than what it waits for.
func (s *Store) awaitMore(expected int, limit time.Duration) {
	began := time.Now()
	changed, n := began, s.inbox.Settle()
	for n < expected {
		runtime.Gosched()
		now := time.Now()
		if m := s.inbox.Len(); m != n {
			n, changed = m, now
		}
		if now.Sub(changed) > awaitPause || now.Sub(began) > limit {
			return
		}
	}
}
