package file

import (
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// retainedEvents is what memory has about delivered events that are retained.
type retainedEvents struct {
	numbers map[uint64]uint64 // in the bucket, by the hashes of IDs; only the writer changes it, under the store's lock
	bytes   int64             // the size of the records
}

// tidyEvery is how often the writer looks for retained events whose time is over, if nothing else makes it
// write, and tidySoon if there are more of them than one transaction removes.
const (
	tidyEvery = time.Minute
	tidySoon  = 10 * time.Millisecond
)

// retain keeps an event that was delivered. record is that of the event.
func (b *batch) retain(item *queue.Item, at time.Time, record []byte) (err error) {
	if b.retained == nil {
		if b.retained, err = b.tx.CreateBucketIfNotExists(bucketRetained); err != nil {
			return err
		}
		b.retained.FillPercent = 0.95
	}
	n, err := b.retained.NextSequence()
	if err != nil {
		return err
	}
	value := appendEnded(nil, encodeAttempts(item, at), record)
	b.retainedBytes += int64(len(value))
	s, hash := b.store, b.store.hash(item.ID)
	b.apply = append(b.apply, func() { s.retained.numbers[hash] = n })
	return b.retained.Put(encodeNumber(n), value)
}

// evict removes retained events that are too old or too many, the oldest first. To make room on the disk
// these are all. It removes more than one batch can add, but not so many that the transaction
// takes long.
func (b *batch) evict() error {
	if b.retained == nil {
		return nil
	}
	until := b.now.Add(-b.limits.Retain)
	all := b.limits.Retain <= 0 || b.store.squeezed
	c := b.retained.Cursor()
	for range 2 * maxBatch {
		key, value := c.First()
		if key == nil {
			return nil
		}
		item, at, err := decodeEnded(value)
		if err == nil && !all && at.After(until) && b.retainedBytes <= b.limits.RetainBytes {
			return nil
		}
		n, err := decodeNumber(key)
		if err != nil {
			return err
		}
		b.letGo(b.store.hash(item.ID), n, len(value))
		if err := c.Delete(); err != nil {
			return err
		}
	}
	b.tidy = true
	return nil
}

// unretain removes the retained event with an ID, if there is one, since an event with this ID waits again.
func (b *batch) unretain(id string, hash uint64) error {
	n, ok := b.store.retained.numbers[hash]
	if !ok || b.retained == nil {
		return nil
	}
	key := encodeNumber(n)
	value := b.retained.Get(key)
	if item, _, err := decodeEnded(value); err != nil || item.ID != id {
		return nil
	}
	b.letGo(hash, n, len(value))
	return b.retained.Delete(key)
}

// letGo notes that the retained event with a number is removed.
func (b *batch) letGo(hash, n uint64, size int) {
	s := b.store
	b.retainedBytes -= int64(size)
	b.apply = append(b.apply, func() {
		if s.retained.numbers[hash] == n {
			delete(s.retained.numbers, hash)
		}
	})
}

// makeRoomOfRetained removes retained events until enough returns no error any more, or there are none.
// Then it returns that error.
func (s *Store) makeRoomOfRetained(enough func() error) error {
	s.squeezed = true
	defer func() { s.squeezed = false }()
	for {
		err := enough()
		if err == nil || len(s.retained.numbers) == 0 {
			return err
		}
		if err := s.commit(nil, nil, true); err != nil {
			return err
		}
	}
}
