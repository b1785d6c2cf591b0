package file

import (
	"context"
	"errors"
	"fmt"
	"runtime"
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

// put is an event that waits to be written.
type put struct {
	event  queue.Event
	record []byte // of the event; made by who puts it, since there is only one writer
	added  bool
	done   chan error
}

// request is anything else that somebody waits for.
type request struct {
	run  func(*batch) (int, error) // an error changes nothing
	n    int
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

	changed map[string]bool // IDs that this batch makes known, or not known any more
	count   int             // of events, dead letters included
	max     int
	apply   []func() // under the store's lock
}

// Put implements [queue.Store].
func (s *Store) Put(ctx context.Context, e queue.Event) (bool, error) {
	p := &put{event: e, record: encodeEvent(&e, s.options.now()), done: make(chan error, 1)}
	if err := ctx.Err(); err != nil {
		return false, err
	}
	select {
	case <-s.closing:
		return false, queue.ErrClosed
	default:
	}
	select {
	case s.puts <- p:
	case <-s.closing:
		return false, queue.ErrClosed
	case <-ctx.Done():
		return false, ctx.Err()
	}
	select {
	case err := <-p.done:
		return p.added, err
	case <-ctx.Done():
		return false, ctx.Err() // a slow disk may store it yet
	case <-s.closed:
		// it may have been the last that the writer did
		select {
		case err := <-p.done:
			return p.added, err
		default:
			return false, queue.ErrClosed
		}
	}
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
	for {
		var puts []*put
		var requests []*request
		select {
		case p := <-s.puts:
			puts = append(puts, p)
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
		puts = s.gather(puts)
		if again != nil {
			answer(puts, requests, queue.ErrUnavailable)
			if !s.usable() {
				continue
			}
			puts, requests = nil, nil
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

// gather adds the puts that wait. Others may be about to: those who were just
// answered, or who are held up since the runtime prefers to run this goroutine.
// They get the processor for as long as that makes the batch grow.
func (s *Store) gather(puts []*put) []*put {
	for {
		before := len(puts)
		runtime.Gosched()
		puts = s.pending(puts)
		if len(puts) == before || len(puts) >= maxBatch {
			return puts
		}
	}
}

// pending adds the puts that wait, as many as go into a batch.
func (s *Store) pending(puts []*put) []*put {
	for len(puts) < maxBatch {
		select {
		case p := <-s.puts:
			puts = append(puts, p)
		default:
			return puts
		}
	}
	return puts
}

// drain writes what is already there when the store is closed.
func (s *Store) drain() {
	puts := s.pending(nil)
	if !s.usable() || s.commit(puts, nil, false) != nil {
		answer(puts, nil, queue.ErrUnavailable)
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

	refused := make(map[any]error)
	err := s.update(func(tx *bolt.Tx) error {
		b.begin(tx)
		for i := range ends {
			if err := b.end(&ends[i]); err != nil {
				return err
			}
		}
		for _, p := range puts {
			added, err := b.put(p)
			switch {
			case err == queue.ErrFull:
				refused[p] = err
			case err != nil:
				return err
			}
			p.added = added
		}
		for _, r := range requests {
			n, err := r.run(b)
			switch {
			case err == queue.ErrNotFound:
				refused[r] = err
			case err != nil:
				return err
			}
			r.n = n
		}
		if err := b.forget(); err != nil || len(b.apply) > 0 {
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
	s.mu.Unlock()
	if len(b.apply) > 0 {
		s.wakeUp()
	}
	for _, p := range puts {
		p.done <- refused[p]
	}
	for _, r := range requests {
		r.done <- refused[r]
	}
	return nil
}
