package file

import (
	"context"
	"fmt"
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/internal/listing"
)

// lookAtOnce is how many events one transaction looks at. Pages of the file are not used again as long as
// a transaction may read them, so none takes long. Between transactions events may come and go, which does
// not matter: each one begins where the one before has ended.
const lookAtOnce = 250

// Events implements [queue.Store]. It needs the store's lock only to ask for the state of what it has read,
// so that calls which deliver events do not wait for it. Nor does storing.
func (s *Store) Events(ctx context.Context, q queue.Query) (queue.Page, error) {
	l, err := listing.New(q)
	if err != nil {
		return queue.Page{}, err
	}
	if len(q.IDs) > 0 {
		return s.eventsWith(ctx, l)
	}
	return s.listAll(ctx, l, s.list)
}

// listAll lists events of all sections, some at a time. The function some returns the last place that it
// has looked at, and whether there are more behind it.
func (s *Store) listAll(ctx context.Context, l *listing.List, some func(*listing.List, listing.Place) (last listing.Place, more bool, err error)) (queue.Page, error) {
	return l.Sections(func(from listing.Place) (listing.Place, error) {
		for {
			before := len(l.Entries)
			last, more, err := some(l, from)
			s.complete(l, before)
			if err == nil {
				err = ctx.Err()
			}
			if err != nil || !more || l.Full() {
				return last, err
			}
			from = last
		}
	})
}

// list lists events of a section, in one transaction.
func (s *Store) list(l *listing.List, from listing.Place) (last listing.Place, more bool, err error) {
	if from.Section == listing.Live && l.Query.State == queue.InFlight {
		return s.listTaken(l, from)
	}
	last = from
	err = s.viewFreely(func(tx *bolt.Tx) error {
		bucket := sectionBucket(tx, from.Section)
		if bucket == nil {
			return nil
		}
		c := bucket.Cursor()
		key, value := c.Seek(encodeNumber(from.N + 1))
		for looked := 0; key != nil && looked < lookAtOnce && !l.Full(); looked++ {
			n, err := decodeNumber(key)
			if err != nil {
				return err
			}
			last.N = n
			if err := look(tx, l, last, value); err != nil {
				return fmt.Errorf("event %v: %w", last, err)
			}
			key, value = c.Next()
		}
		more = key != nil
		return nil
	})
	return last, more, err
}

// listTaken lists the events that are in flight, of which there are few.
func (s *Store) listTaken(l *listing.List, from listing.Place) (last listing.Place, more bool, err error) {
	s.mu.Lock()
	var taken []uint64
	for seq := range s.inFlight {
		if seq > from.N {
			taken = append(taken, seq)
		}
	}
	s.mu.Unlock()
	slices.Sort(taken)
	last = from
	err = s.viewFreely(func(tx *bolt.Tx) error {
		for _, seq := range taken {
			if more = l.Full(); more {
				return nil
			}
			last.N = seq
			value := tx.Bucket(bucketEvents).Get(encodeNumber(seq))
			if value == nil {
				continue // its delivery has just ended
			}
			if err := look(tx, l, last, value); err != nil {
				return fmt.Errorf("event %v: %w", last, err)
			}
		}
		return nil
	})
	return last, more, err
}

// viewFreely runs f in a transaction without the store's lock. Closing the database waits for f.
func (s *Store) viewFreely(f func(*bolt.Tx) error) error {
	s.mu.Lock()
	db := s.db
	s.mu.Unlock()
	if db == nil {
		return s.unusable()
	}
	began := false
	err := guard(func() error {
		return db.View(func(tx *bolt.Tx) error {
			began = true
			return f(tx)
		})
	})
	if err != nil && !began {
		return s.unusable() // it was closed meanwhile
	}
	return err
}

// sectionBucket returns the bucket with the events of a section; nil if there is none.
func sectionBucket(tx *bolt.Tx, section listing.Section) *bolt.Bucket {
	switch section {
	case listing.Live:
		return tx.Bucket(bucketEvents)
	case listing.Dead:
		return tx.Bucket(bucketDead)
	case listing.Delivered:
		return tx.Bucket(bucketRetained)
	}
	return nil
}

// look adds the event of a record to the list if the query chooses it.
func look(tx *bolt.Tx, l *listing.List, at listing.Place, value []byte) (err error) {
	var e queue.Entry
	switch at.Section {
	case listing.Live:
		e.State, e.Seq = queue.Waiting, at.N
		e.Event, e.Received, err = decodeEvent(value)
	case listing.Dead:
		e.State = queue.DeadLetter
		e.Item, err = decodeDead(value)
	case listing.Delivered:
		e.State = queue.Delivered
		e.Item, e.Ended, err = decodeEnded(value)
	}
	if err != nil {
		return err
	}
	if l.Looked(); !l.Query.Chooses(&e.Item) {
		return nil
	}
	e.Payload = append([]byte(nil), e.Payload...)
	if at.Section == listing.Live {
		if attempts := tx.Bucket(bucketAttempts).Get(encodeNumber(at.N)); attempts != nil {
			e.Due, err = decodeAttempts(attempts, &e.Item)
		}
	}
	l.Add(e, at)
	return err
}

// complete completes the entries from a number on by what only memory knows: which events are in flight,
// and whether those that were tried still wait. It removes those that the query does not want.
func (s *Store) complete(l *listing.List, from int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.options.now()
	latest := now.Add(s.options.Limits.Wait)
	kept := l.Entries[:from]
	for _, e := range l.Entries[from:] {
		if e.State == queue.Waiting {
			switch {
			case s.inFlight[e.Seq]:
				e.State, e.Due = queue.InFlight, time.Time{}
			case !s.index.Delayed(s.hash(e.Key), e.Seq), !e.Due.After(now):
				e.Due = time.Time{}
			case e.Due.After(latest):
				e.Due = latest
			}
		}
		if l.Query.Wants(e.State) {
			kept = append(kept, e)
		}
	}
	l.Entries = kept
}

// eventsWith lists events by their IDs. Only the writer knows where they are.
func (s *Store) eventsWith(ctx context.Context, l *listing.List) (queue.Page, error) {
	var places []listing.Place
	for ids := range slices.Chunk(l.Query.IDs, lookAtOnce) {
		found := make([]listing.Place, 0, len(ids))
		_, err := s.doUntil(ctx, false, func(b *batch) (int, error) {
			for _, id := range ids {
				if at, ok := b.find(id); ok {
					found = append(found, at)
				}
			}
			return 0, nil
		})
		if err != nil {
			return queue.Page{}, err
		}
		places = append(places, found...)
	}
	slices.SortFunc(places, listing.Place.Compare)
	places = slices.Compact(places)
	return s.listAll(ctx, l, func(l *listing.List, from listing.Place) (last listing.Place, more bool, err error) {
		last = from
		err = s.viewFreely(func(tx *bolt.Tx) error {
			for _, at := range places {
				if at.Section != from.Section || at.N <= from.N {
					continue
				}
				if more = l.Full(); more {
					return nil
				}
				last = at
				bucket := sectionBucket(tx, at.Section)
				if bucket == nil {
					continue
				}
				value := bucket.Get(encodeNumber(at.N))
				if value == nil {
					continue // it has just moved
				}
				if err := look(tx, l, at, value); err != nil {
					return fmt.Errorf("event %v: %w", at, err)
				}
			}
			return nil
		})
		return last, more, err
	})
}

// find returns the place of the event with an ID.
func (b *batch) find(id string) (at listing.Place, ok bool) {
	hash := b.store.hash(id)
	ref, known := b.store.ids[hash]
	n := uint64(ref &^ refKind)
	switch {
	case known && ref&refKind == refWaiting:
		e, _, err := decodeEvent(b.events.Get(encodeNumber(n)))
		return listing.Place{Section: listing.Live, N: n}, err == nil && e.ID == id
	case known && ref&refKind == refDead:
		item, err := decodeDead(b.dead.Get(encodeNumber(n)))
		return listing.Place{Section: listing.Dead, N: n}, err == nil && item.ID == id
	}
	n, retained := b.store.retained.numbers[hash]
	if !retained || b.retained == nil {
		return at, false
	}
	item, _, err := decodeEnded(b.retained.Get(encodeNumber(n)))
	return listing.Place{Section: listing.Delivered, N: n}, err == nil && item.ID == id
}
