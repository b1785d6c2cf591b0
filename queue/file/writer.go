package file

import (
	"errors"
	"fmt"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// maxBatch is the most events, and the most outcomes, that one transaction writes. A larger
// transaction would keep its callers waiting for long.
const maxBatch = 1024

// batch is one transaction. Memory is changed only after the transaction is durable. The IDs
// are an exception: they are changed at once, and changed back if the transaction fails.
type batch struct {
	store *Store
	now   time.Time
	tx    *bolt.Tx

	events, attempts, delivered, dead *bolt.Bucket
	retained                          *bolt.Bucket // nil if there is none

	count  int   // how many events there are, dead letters included
	bytes  int64 // the size of their records
	limits queue.Limits
	scarce bool // whether there is little room on the disk

	retainedBytes int64 // the size of the records of retained events
	tidy          bool  // whether there are more of them to remove

	most   int        // how many outcomes, or dead letters, there is room for
	added  []*put     // to be added to the index
	apply  []func()   // all other changes of memory; called under the store's lock
	former []formerID // what the changed IDs referred to before
	forgot bool       // whether IDs of delivered events were removed
}

// write is the goroutine that writes the file. There is only one.
func (s *Store) write() {
	defer close(s.closed)
	var retry <-chan time.Time // not nil while nothing is stored
	stuck := false             // whether until then not even outcomes can be written
	failed := func(err error) {
		if retry == nil {
			s.options.OnError(fmt.Errorf("writing %s: %w", s.options.Path, err))
		}
		retry = time.After(s.mend(err, stuck))
		s.wakeUp() // if the disk is full, deliveries go on, and make room
	}
	if err := s.fillReserve(); err != nil {
		failed(err)
	}
	tidy := time.NewTimer(tidyEvery)
	defer tidy.Stop()
	var puts []*put
	for {
		var requests []*request
		select {
		case <-s.inbox.Filled:
		case r := <-s.requests:
			requests = append(requests, r)
		case <-s.outcomesAdded:
		case <-tidy.C:
			tidy.Reset(tidyEvery)
			if len(s.retained.numbers) == 0 {
				continue
			}
		case <-retry:
			stuck = false
			if err := s.resume(); err != nil {
				failed(err)
				continue
			}
			retry = nil
			s.options.OnError(nil)
			s.wakeUp()
		case <-s.closing:
			s.drain()
			return
		}
		puts = s.inbox.Gather(puts)
		scarce := retry != nil
		if scarce {
			usable := s.usable() && !stuck
			requests = refuse(puts, requests, usable)
			puts = puts[:0]
			if !usable {
				continue
			}
		}
		if err := s.commit(puts, requests, scarce); err != nil {
			answer(puts, requests, queue.ErrUnavailable)
			stuck = scarce
			failed(err)
		} else if s.untidy {
			tidy.Reset(tidySoon)
		}
	}
}

// refuse answers the puts and the requests that cannot be done while there is no room, and
// returns the requests that can.
func refuse(puts []*put, requests []*request, usable bool) (rest []*request) {
	for _, r := range requests {
		if usable && !r.grows {
			rest = append(rest, r)
		} else {
			answer(nil, []*request{r}, queue.ErrUnavailable)
		}
	}
	answer(puts, nil, queue.ErrUnavailable)
	return rest
}

func (s *Store) usable() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.db != nil
}

// drain writes the puts and the outcomes that already wait when the store is closed. Later puts are
// refused.
func (s *Store) drain() {
	for puts := s.inbox.Close(); ; puts = s.inbox.Close() {
		if !s.usable() {
			answer(puts, nil, queue.ErrUnavailable)
		} else if s.commit(puts, nil, false) != nil {
			s.abandon()
			answer(puts, nil, queue.ErrUnavailable)
		}
		if len(puts) < maxBatch && !(s.usable() && s.outcomesWait()) {
			return
		}
	}
}

// outcomesWait reports whether there are outcomes to write.
func (s *Store) outcomesWait() bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return len(s.outcomes) > 0
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

// changes reports whether there is anything to write. For duplicates, and for outcomes that an
// earlier batch has written, there is nothing to write.
func (b *batch) changes() bool { return len(b.added) > 0 || len(b.apply) > 0 || b.forgot }

// commit writes one batch and answers the callers that wait for it. If it fails it returns an
// error and answers nobody. If space is scarce it writes only some of the outcomes, since
// writing them needs new pages before it frees others.
func (s *Store) commit(puts []*put, requests []*request, scarce bool) error {
	most := maxBatch
	if scarce {
		// large events need adjacent pages, and the free pages may not be adjacent: so
		// this begins with one outcome
		most = min(s.outcomesWithin(s.freeBytes()), max(s.scarceOutcomes, 1))
	}
	s.mu.Lock()
	outcomes := s.outcomes
	s.outcomes = nil
	if len(outcomes) > most {
		outcomes, s.outcomes = outcomes[:most:most], outcomes[most:]
		s.signalOutcomes()
	}
	b := &batch{store: s, now: s.options.now(), count: s.index.Len() + s.dead, bytes: s.bytes, limits: s.options.Limits, most: most,
		scarce: scarce, retainedBytes: s.retained.bytes}
	s.mu.Unlock()

	err := s.update(func(tx *bolt.Tx) error { return b.write(tx, outcomes, puts, requests) })
	s.mu.Lock()
	if err != nil {
		b.undo()
		s.scarceOutcomes = 0
		s.outcomes = append(outcomes, s.outcomes...) // they are written when the file can be written again
		s.mu.Unlock()
		return err
	}
	s.scarceOutcomes = 2 * len(outcomes)
	s.bytes, s.retained.bytes, s.untidy = b.bytes, b.retainedBytes, b.tidy
	for _, apply := range b.apply {
		apply()
	}
	for _, p := range b.added {
		s.index.Add(p.key, p.seq, b.now, time.Time{}, false)
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

func (b *batch) write(tx *bolt.Tx, outcomes []outcome, puts []*put, requests []*request) error {
	if err := b.store.makeRoom(tx, puts); err != nil {
		return err
	}
	b.begin(tx, len(puts))
	for i := range outcomes {
		if err := b.writeOutcome(&outcomes[i]); err != nil {
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
		case errors.Is(err, queue.ErrNotFound), errors.Is(err, queue.ErrFull):
			r.err = err
		case err != nil:
			return err
		}
		r.n = n
	}
	if err := b.forget(); err != nil {
		return err
	}
	if err := b.evict(); err != nil || b.changes() {
		return err
	}
	return errUnchanged
}
