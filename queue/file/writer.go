package file

import (
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

const (
	// maxBatch bounds a transaction, so that nobody waits long for it.
	maxBatch = 1024

	// reopenAfter is how long nothing more is stored in a file that could not be
	// written, and how long to wait before it is opened again if it cannot be.
	reopenAfter = time.Second
)

// request is anything else that somebody waits for.
type request struct {
	run  func(*batch) (int, error) // an error changes nothing
	n    int
	err  error // of run
	done chan error
}

// end is how the delivery of an item ended.
type end struct {
	kind endKind
	item queue.Item
	at   time.Time // delivered, or to be tried again

	hastened int // how often Hasten was called before
}

type endKind uint8

const (
	endDelivered endKind = iota
	endRetry
	endBuried
	endReleased // nothing is written
)

// batch is one transaction. What it changes in memory is done once it is durable.
type batch struct {
	store *Store
	now   time.Time
	tx    *bolt.Tx

	events, attempts, delivered, dead *bolt.Bucket

	count  int // of events, dead letters included
	max    int
	added  []*put   // go into the index
	apply  []func() // what else changes; under the store's lock
	forgot bool     // IDs of delivered events
}

// do has the writer run a request.
func (s *Store) do(run func(*batch) (int, error)) (int, error) {
	r := &request{run: run, done: make(chan error, 1)}
	select {
	case s.requests <- r:
		err := <-r.done
		return r.n, err
	case <-s.closed:
		return 0, queue.ErrClosed
	}
}

// Delivered implements [queue.Store].
func (s *Store) Delivered(item *queue.Item) {
	s.end(end{kind: endDelivered, item: *item, at: s.options.now()})
}

// Retry implements [queue.Store].
func (s *Store) Retry(item *queue.Item, at time.Time) {
	s.end(end{kind: endRetry, item: *item, at: at})
}

// Bury implements [queue.Store].
func (s *Store) Bury(item *queue.Item) { s.end(end{kind: endBuried, item: *item}) }

func (s *Store) end(e end) {
	s.mu.Lock()
	if s.inFlight[e.item.Seq] {
		e.hastened = s.hastened
		s.ends = append(s.ends, e)
	}
	s.mu.Unlock()
	s.signalEnds()
}

func (s *Store) signalEnds() {
	select {
	case s.ending <- struct{}{}:
	default:
	}
}

// write is the one goroutine that writes.
func (s *Store) write() {
	defer close(s.closed)
	var again <-chan time.Time // while nothing can be stored
	if err := s.fillReserve(); err != nil {
		s.options.OnError(fmt.Errorf("writing %s: %w", s.options.Path, err))
		s.abandon()
		again = time.After(0)
	}
	var puts []*put
	for {
		var requests []*request
		select {
		case <-s.inbox.filled:
		case r := <-s.requests:
			requests = append(requests, r)
		case <-s.ending:
		case <-again:
			if s.reopen() != nil || s.fillReserve() != nil {
				s.abandon()
				_ = s.reopen()
				again = time.After(reopenAfter)
				continue
			}
			again = nil
			s.options.OnError(nil)
			s.wakeUp()
		case <-s.closing:
			s.drain()
			return
		}
		puts = s.inbox.gather(puts)
		if again != nil {
			answer(puts, requests, queue.ErrUnavailable)
			if !s.usable() {
				continue
			}
			puts, requests = puts[:0], nil
		}
		if err := s.commit(puts, requests, again != nil); err != nil {
			if again == nil {
				s.options.OnError(fmt.Errorf("writing %s: %w", s.options.Path, err))
			}
			s.abandon()
			answer(puts, requests, queue.ErrUnavailable)
			again = time.After(reopenAfter)
			// if the disk is full, delivering goes on and makes room
			if s.reopen() == nil {
				s.wakeUp()
			}
		}
	}
}

func (s *Store) usable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db != nil
}

// drain writes what is already there when the store is closed, and refuses what
// comes later.
func (s *Store) drain() {
	for puts := s.inbox.close(); ; puts = s.inbox.close() {
		if !s.usable() {
			answer(puts, nil, queue.ErrUnavailable)
		} else if s.commit(puts, nil, false) != nil {
			s.abandon()
			answer(puts, nil, queue.ErrUnavailable)
		}
		if len(puts) < maxBatch {
			return
		}
	}
}

func answer(puts []*put, requests []*request, err error) {
	for _, p := range puts {
		p.added = false
		p.done <- err
	}
	for _, r := range requests {
		r.n = 0
		r.done <- err
	}
}

// errUnchanged rolls a transaction back that would write, and sync, nothing: one
// of duplicates, or of ends that an earlier batch has written.
var errUnchanged = errors.New("nothing to write")

func (b *batch) changes() bool { return len(b.added) > 0 || len(b.apply) > 0 || b.forgot }

// commit writes one batch and answers those who wait for it, unless it fails. If
// space is scarce it writes one end at a time: even that takes pages, before it
// frees some.
func (s *Store) commit(puts []*put, requests []*request, scarce bool) error {
	s.mu.Lock()
	ends := s.ends
	s.ends = nil
	if scarce && len(ends) > 1 {
		ends, s.ends = ends[:1:1], ends[1:]
		s.signalEnds()
	}
	b := &batch{store: s, now: s.options.now(), count: s.index.size + s.dead, max: s.options.MaxEvents}
	s.mu.Unlock()

	err := s.update(func(tx *bolt.Tx) error {
		b.begin(tx, len(puts))
		if len(puts) > 0 {
			s.ahead.write(tx)
		}
		for i := range ends {
			if err := b.end(&ends[i]); err != nil {
				return err
			}
		}
		for _, p := range puts {
			if err := b.put(p); err != nil {
				return err
			}
		}
		for _, r := range requests {
			n, err := r.run(b)
			switch {
			case errors.Is(err, queue.ErrNotFound):
				r.err = err
			case err != nil:
				return err
			}
			r.n = n
		}
		if err := b.forget(); err != nil || b.changes() {
			return err
		}
		return errUnchanged
	})
	if err == errUnchanged {
		err = nil
	}
	s.mu.Lock()
	if err != nil {
		s.ends = append(ends, s.ends...) // they are written when the file can be again
		s.mu.Unlock()
		return err
	}
	for _, apply := range b.apply {
		apply()
	}
	for _, p := range b.added {
		s.index.add(p.key, p.seq, b.now, time.Time{}, false)
	}
	s.mu.Unlock()
	if b.changes() {
		s.wakeUp()
	}
	for _, p := range puts {
		if p.full {
			p.done <- queue.ErrFull
		} else {
			p.done <- nil
		}
	}
	for _, r := range requests {
		r.done <- r.err
	}
	return nil
}
