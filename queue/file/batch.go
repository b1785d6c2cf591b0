package file

import (
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// reference is where the event of an ID is: its kind in the two highest bits, then
// its number in events or dead, or when it was delivered.
type reference uint64

const (
	refWaiting   reference = 0 << 62
	refDead      reference = 1 << 62
	refDelivered reference = 2 << 62
	refKind      reference = 3 << 62
)

// remembered is not empty, since bbolt cannot tell an empty value from none.
var remembered = []byte{1}

func (b *batch) begin(tx *bolt.Tx, puts int) {
	b.tx = tx
	b.added = make([]*put, 0, puts)
	b.events, b.attempts = tx.Bucket(bucketEvents), tx.Bucket(bucketAttempts)
	b.delivered, b.dead = tx.Bucket(bucketDelivered), tx.Bucket(bucketDead)
	// these only grow at their end
	b.events.FillPercent, b.delivered.FillPercent, b.dead.FillPercent = 0.95, 0.95, 0.95
}

// known reports whether an ID waits, is in flight, is dead, or is remembered.
// The table has hashes only, so the file has the last word.
func (b *batch) known(id string, hash uint64) bool {
	ref, ok := b.store.ids[hash]
	if !ok {
		return false
	}
	n := uint64(ref &^ refKind)
	switch ref & refKind {
	case refWaiting:
		e, _, err := decodeEvent(b.events.Get(encodeNumber(n)))
		return err == nil && e.ID == id
	case refDead:
		item, err := decodeDead(b.dead.Get(encodeNumber(n)))
		return err == nil && item.ID == id
	default:
		at := time.Unix(0, int64(n))
		return b.now.Sub(at) < queue.Remember && b.delivered.Get(encodeDelivered(at, id)) != nil
	}
}

func (b *batch) put(p *put) error {
	if b.known(p.id, p.idHash) {
		return nil
	}
	if b.count >= b.max {
		p.full = true
		return nil
	}
	b.count++
	p.added = true
	return b.append(p)
}

// append makes an event the newest of its key.
func (b *batch) append(p *put) (err error) {
	if p.seq, err = b.events.NextSequence(); err != nil {
		return err
	}
	if err := b.events.Put(encodeNumber(p.seq), p.record); err != nil {
		return err
	}
	b.store.ids[p.idHash] = refWaiting | reference(p.seq)
	b.added = append(b.added, p)
	return nil
}

func (b *batch) end(e *end) error {
	s, item, key := b.store, &e.item, encodeNumber(e.item.Seq)
	if b.events.Get(key) == nil {
		// written by a transaction whose success could not be told
		b.apply = append(b.apply, func() { delete(s.inFlight, item.Seq) })
		return nil
	}
	var ref reference
	switch e.kind {
	case endReleased:
		b.apply = append(b.apply, func() { s.retried(e) })
		return nil
	case endRetry:
		b.apply = append(b.apply, func() { s.retried(e) })
		return b.attempts.Put(key, encodeAttempts(item, e.at))
	case endDelivered:
		ref = refDelivered | reference(e.at.UnixNano())
		if err := b.delivered.Put(encodeDelivered(e.at, item.ID), remembered); err != nil {
			return err
		}
		b.count--
	case endBuried:
		n, err := b.dead.NextSequence()
		if err != nil {
			return err
		}
		ref = refDead | reference(n)
		if err := b.dead.Put(encodeNumber(n), encodeDead(item)); err != nil {
			return err
		}
	}
	if err := b.events.Delete(key); err != nil {
		return err
	}
	if err := b.attempts.Delete(key); err != nil {
		return err
	}
	s.ids[s.hash(item.ID)] = ref
	line := s.hash(item.Key)
	b.apply = append(b.apply, func() {
		if e.kind == endBuried {
			s.dead++
		}
		delete(s.inFlight, item.Seq)
		if n, ok := s.index.head(line, item.Seq); ok {
			s.index.remove(line, n)
		}
	})
	return nil
}

func (s *Store) retried(e *end) {
	delete(s.inFlight, e.item.Seq)
	n, ok := s.index.head(s.hash(e.item.Key), e.item.Seq)
	if !ok {
		return
	}
	due := e.at
	if e.hastened != s.hastened {
		due = time.Time{} // it was called while this was being written
	}
	s.index.giveBack(n, due)
}

// forget removes delivered IDs that are too old to be remembered: more than can
// have come with this batch, but no more than a transaction has time for.
func (b *batch) forget() error {
	s := b.store
	until := b.now.Add(-queue.Remember)
	c := b.delivered.Cursor()
	for range 2 * maxBatch {
		key, _ := c.First()
		if key == nil {
			return nil
		}
		at, id, err := decodeDelivered(key)
		if err != nil {
			return err
		}
		if at.After(until) {
			return nil
		}
		if err := c.Delete(); err != nil {
			return err
		}
		b.forgot = true
		if hash := s.hash(id); s.ids[hash] == refDelivered|reference(at.UnixNano()) {
			delete(s.ids, hash)
		}
	}
	return nil
}
