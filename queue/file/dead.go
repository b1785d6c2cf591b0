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
		return nil, fmt.Errorf("%q is no cursor of a dead letter", after)
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
	return s.resolve(ids, func(b *batch, item *queue.Item) error {
		p := new(put)
		p.set(s, &item.Event, b.now)
		return b.append(p)
	})
}

// Drop implements [queue.Store].
func (s *Store) Drop(ids ...string) (int, error) {
	return s.resolve(ids, func(b *batch, item *queue.Item) error {
		b.count--
		delete(s.ids, s.hash(item.ID))
		return nil
	})
}

// lettersAtOnce is how many dead letters are resolved in a transaction. The puts
// that come meanwhile must not wait for long.
const lettersAtOnce = 500

// resolve removes dead letters, all of them if no ID is given, from among the
// dead in the order in which they died, after then has seen each.
func (s *Store) resolve(ids []string, then func(*batch, *queue.Item) error) (total int, err error) {
	var keys [][]byte
	_, err = s.do(func(b *batch) (int, error) {
		keys, err = b.letters(ids)
		return 0, err
	})
	for chunk := range slices.Chunk(keys, lettersAtOnce) {
		if err != nil {
			break
		}
		var n int
		n, err = s.do(func(b *batch) (int, error) { return b.resolve(chunk, then) })
		total += n
	}
	return total, err
}

// letters finds the dead letters with these IDs, or all.
func (b *batch) letters(ids []string) (keys [][]byte, err error) {
	if len(ids) == 0 {
		err = b.dead.ForEach(func(key, _ []byte) error {
			keys = append(keys, bytes.Clone(key))
			return nil
		})
		return keys, err
	}
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
	slices.SortFunc(keys, bytes.Compare)
	return slices.CompactFunc(keys, bytes.Equal), nil
}

func (b *batch) resolve(keys [][]byte, then func(*batch, *queue.Item) error) (n int, err error) {
	s := b.store
	for _, key := range keys {
		value := b.dead.Get(key)
		if value == nil {
			continue // somebody else was quicker
		}
		item, err := decodeDead(value)
		if err != nil {
			return 0, fmt.Errorf("dead letter %x: %w", key, err)
		}
		if err := then(b, &item); err != nil {
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
