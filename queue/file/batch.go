package file

import (
	"slices"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// reference says where the event with an ID is. The two highest bits are the kind of the
// reference. The other bits are the event's number in the bucket events or dead, or the time
// at which it was delivered, in Unix nanoseconds.
type reference uint64

const (
	refWaiting   reference = 0 << 62
	refDead      reference = 1 << 62
	refDelivered reference = 2 << 62
	refKind      reference = 3 << 62
)

// remembered is the value of a delivered ID. It is not empty, since bbolt does not distinguish
// an empty value from a missing one.
var remembered = []byte{1}

func (b *batch) begin(tx *bolt.Tx, puts int) {
	b.tx = tx
	b.added = make([]*put, 0, puts)
	b.events, b.attempts = tx.Bucket(bucketEvents), tx.Bucket(bucketAttempts)
	b.delivered, b.dead = tx.Bucket(bucketDelivered), tx.Bucket(bucketDead)
	if b.retained = tx.Bucket(bucketRetained); b.retained != nil {
		b.retained.FillPercent = 0.95
	}
	// new keys of these buckets are always greater than all others, so full pages are best
	b.events.FillPercent, b.delivered.FillPercent, b.dead.FillPercent = 0.95, 0.95, 0.95
}

// known reports whether an event with the ID waits, is in flight, is a dead letter, or was
// delivered lately. It checks the file too, since memory has only the hashes of IDs.
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
	size := int64(len(p.record))
	if b.count >= b.limits.Events || b.bytes+size > b.limits.Bytes {
		p.full = true
		return nil
	}
	b.count++
	b.bytes += size
	p.added = true
	return b.append(p)
}

// append stores an event as the newest one of its key.
func (b *batch) append(p *put) (err error) {
	if p.seq, err = b.events.NextSequence(); err != nil {
		return err
	}
	if err := b.events.Put(encodeNumber(p.seq), p.record); err != nil {
		return err
	}
	if err := b.unretain(p.id, p.idHash); err != nil {
		return err
	}
	b.refer(p.idHash, refWaiting|reference(p.seq))
	b.added = append(b.added, p)
	return nil
}

func (b *batch) writeOutcome(o *outcome) error {
	s, item, key := b.store, &o.item, encodeNumber(o.item.Seq)
	record := b.events.Get(key)
	if record == nil {
		// a transaction that failed had written this outcome to the disk nevertheless
		b.apply = append(b.apply, func() { delete(s.inFlight, item.Seq) })
		return nil
	}
	var ref reference
	switch o.kind {
	case outcomeReleased, outcomeReturned:
		b.apply = append(b.apply, func() { s.retried(o) })
		return nil
	case outcomeRetry:
		b.apply = append(b.apply, func() { s.retried(o) })
		return b.attempts.Put(key, encodeAttempts(item, o.at))
	case outcomeDelivered, outcomeMoved:
		ref = refDelivered | reference(o.at.UnixNano())
		if err := b.delivered.Put(encodeDelivered(o.at, item.ID), remembered); err != nil {
			return err
		}
		b.count--
		b.bytes -= int64(len(record))
		if b.limits.Retain > 0 && o.kind == outcomeDelivered && !b.scarce {
			if err := b.retain(item, o.at, record); err != nil {
				return err
			}
		}
	case outcomeBuried:
		n, err := b.dead.NextSequence()
		if err != nil {
			return err
		}
		ref = refDead | reference(n)
		letter := encodeDead(item)
		b.bytes += int64(len(letter) - len(record))
		if err := b.dead.Put(encodeNumber(n), letter); err != nil {
			return err
		}
	}
	if err := b.events.Delete(key); err != nil {
		return err
	}
	if err := b.attempts.Delete(key); err != nil {
		return err
	}
	b.refer(s.hash(item.ID), ref)
	lane := s.hash(item.Key)
	b.apply = append(b.apply, func() {
		if o.kind == outcomeBuried {
			s.dead++
		}
		delete(s.inFlight, item.Seq)
		n, ok := s.index.Head(lane, item.Seq)
		switch {
		case ok && o.more:
			s.index.Advance(lane, n)
		case ok:
			s.index.Remove(lane, n)
		}
	})
	return nil
}

func (s *Store) retried(o *outcome) {
	delete(s.inFlight, o.item.Seq)
	n, ok := s.index.Head(s.hash(o.item.Key), o.item.Seq)
	if !ok {
		return
	}
	due := o.at
	if o.hastened != s.hastened {
		due = time.Time{} // Hasten was called while this outcome was being written
	}
	if o.kind == outcomeReturned {
		s.index.GiveBackFirst(n, due)
		return
	}
	s.index.GiveBack(n, due)
}

// forget removes delivered IDs that need not be remembered any longer. It removes more than one
// batch can add, so that they do not pile up, but not so many that the transaction takes long.
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
			b.unrefer(hash)
		}
	}
	return nil
}

// formerID says what an ID referred to before a transaction changed it.
type formerID struct {
	hash  uint64
	ref   reference
	known bool
}

// refer sets the reference of an ID.
func (b *batch) refer(hash uint64, ref reference) {
	b.remember(hash)
	b.store.ids[hash] = ref
}

func (b *batch) unrefer(hash uint64) {
	b.remember(hash)
	delete(b.store.ids, hash)
}

func (b *batch) remember(hash uint64) {
	ref, known := b.store.ids[hash]
	b.former = append(b.former, formerID{hash, ref, known})
}

// undo restores the IDs that the transaction has changed in memory.
func (b *batch) undo() {
	for _, f := range slices.Backward(b.former) {
		if f.known {
			b.store.ids[f.hash] = f.ref
		} else {
			delete(b.store.ids, f.hash)
		}
	}
}
