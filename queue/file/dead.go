package file

import (
	"bytes"
	"encoding/hex"
	"fmt"
	"slices"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Dead implements [queue.Store].
func (s *Store) Dead(after string, limit int) ([]queue.Dead, error) {
	from, err := hex.DecodeString(after)
	if err != nil || len(from) != 0 && len(from) != 8 {
		return nil, fmt.Errorf("%q is not a cursor of a dead letter", after)
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil, s.unusable()
	}
	var list []queue.Dead
	err = s.view(func(tx *bolt.Tx) error {
		c := tx.Bucket(bucketDead).Cursor()
		key, value := c.Seek(from)
		if key != nil && string(key) == string(from) {
			key, value = c.Next()
		}
		for ; key != nil && len(list) < limit; key, value = c.Next() {
			item, err := decodeDead(value)
			if err != nil {
				return fmt.Errorf("dead letter %x: %w", key, err)
			}
			item.Payload = append([]byte(nil), item.Payload...)
			list = append(list, queue.Dead{Item: item, Cursor: hex.EncodeToString(key)})
		}
		return nil
	})
	return list, err
}

// Replay implements [queue.Store].
func (s *Store) Replay(ids ...string) (int, error) {
	return s.resolve(ids, replayed)
}

var replayed = resolution{grows: true, then: (*batch).putAgain}

// putAgain stores an event as the newest one of its key.
func (b *batch) putAgain(item *queue.Item) error {
	p := new(put)
	p.set(b.store, &item.Event, b.now)
	b.bytes += int64(len(p.record))
	return b.append(p)
}

// Drop implements [queue.Store].
func (s *Store) Drop(ids ...string) (int, error) {
	return s.resolve(ids, resolution{then: func(b *batch, item *queue.Item) error {
		b.count--
		b.unrefer(s.hash(item.ID))
		return nil
	}})
}

// resolution says what to do with dead letters that are removed.
type resolution struct {
	grows bool // whether the file becomes larger, which is refused while there is no room
	then  func(*batch, *queue.Item) error
}

// lettersAtOnce is how many dead letters one transaction looks up or resolves. It is small, so
// that puts do not have to wait for long meanwhile.
const lettersAtOnce = 250

// resolve removes the dead letters with these IDs, or all if no ID is given, in the order in which
// they were buried.
func (s *Store) resolve(ids []string, how resolution) (total int, err error) {
	if len(ids) == 0 {
		return s.resolveAll(how)
	}
	var keys [][]byte
	for chunk := range slices.Chunk(ids, lettersAtOnce) {
		_, err := s.do(how.grows, func(b *batch) (int, error) {
			found, err := b.letters(chunk)
			keys = append(keys, found...)
			return len(found), err
		})
		if err != nil {
			return 0, err
		}
	}
	slices.SortFunc(keys, bytes.Compare)
	return s.resolveKeys(slices.CompactFunc(keys, bytes.Equal), how)
}

// resolveAll resolves all letters that are dead when it is called. It looks them up itself instead
// of keeping the writer busy, for which callbacks wait.
func (s *Store) resolveAll(how resolution) (total int, err error) {
	var after []byte
	last, err := s.lastLetter()
	for err == nil && bytes.Compare(after, last) < 0 {
		var keys [][]byte
		if keys, err = s.lettersAfter(after, last); err != nil || len(keys) == 0 {
			break
		}
		after = keys[len(keys)-1]
		var n int
		n, err = s.resolveKeys(keys, how)
		total += n
	}
	return total, err
}

func (s *Store) lastLetter() (last []byte, err error) {
	err = s.viewDead(func(c *bolt.Cursor) {
		key, _ := c.Last()
		last = bytes.Clone(key)
	})
	return last, err
}

func (s *Store) lettersAfter(after, last []byte) (keys [][]byte, err error) {
	err = s.viewDead(func(c *bolt.Cursor) {
		key, _ := c.Seek(after)
		for ; key != nil && bytes.Compare(key, last) <= 0 && len(keys) < lettersAtOnce; key, _ = c.Next() {
			if !bytes.Equal(key, after) {
				keys = append(keys, bytes.Clone(key))
			}
		}
	})
	return keys, err
}

func (s *Store) viewDead(f func(*bolt.Cursor)) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return s.unusable()
	}
	return s.view(func(tx *bolt.Tx) error {
		f(tx.Bucket(bucketDead).Cursor())
		return nil
	})
}

func (s *Store) resolveKeys(keys [][]byte, how resolution) (total int, err error) {
	for len(keys) > 0 && err == nil {
		var n, seen int
		n, err = s.do(how.grows, func(b *batch) (n int, err error) {
			seen = min(len(keys), lettersAtOnce, b.most)
			return b.resolve(keys[:seen], how)
		})
		keys = keys[seen:]
		total += n
	}
	return total, err
}

// letters finds the dead letters with these IDs.
func (b *batch) letters(ids []string) (keys [][]byte, err error) {
	for _, id := range ids {
		ref, ok := b.store.ids[b.store.hash(id)]
		if !ok || ref&refKind != refDead {
			return nil, fmt.Errorf("%w: %q", queue.ErrNotFound, id)
		}
		key := encodeNumber(uint64(ref &^ refKind))
		if item, err := decodeDead(b.dead.Get(key)); err != nil || item.ID != id {
			return nil, fmt.Errorf("%w: %q", queue.ErrNotFound, id)
		}
		keys = append(keys, key)
	}
	return keys, nil
}

func (b *batch) resolve(keys [][]byte, how resolution) (n int, err error) {
	s := b.store
	for _, key := range keys {
		value := b.dead.Get(key)
		if value == nil {
			continue // another call has resolved it meanwhile
		}
		b.bytes -= int64(len(value))
		item, err := decodeDead(value)
		if err != nil {
			return 0, fmt.Errorf("dead letter %x: %w", key, err)
		}
		if err := how.then(b, &item); err != nil {
			return 0, err
		}
		if err := b.dead.Delete(key); err != nil {
			return 0, err
		}
		n++
	}
	b.apply = append(b.apply, func() { s.dead -= n })
	return n, nil
}
