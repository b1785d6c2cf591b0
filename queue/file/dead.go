package file

import (
	"encoding/hex"
	"fmt"

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
	return s.do(func(b *batch) (int, error) {
		return b.resolve(ids, func(item *queue.Item) error { return b.append(&item.Event) })
	})
}

// Drop implements [queue.Store].
func (s *Store) Drop(ids ...string) (int, error) {
	return s.do(func(b *batch) (int, error) {
		return b.resolve(ids, func(item *queue.Item) error {
			b.count--
			b.changed[item.ID] = false
			b.apply = append(b.apply, func() { delete(s.ids, s.index.hash(item.ID)) })
			return nil
		})
	})
}

// resolve removes dead letters from among the dead, after then has seen each.
func (b *batch) resolve(ids []string, then func(*queue.Item) error) (int, error) {
	keys, items, err := b.letters(ids)
	if err != nil {
		return 0, err
	}
	s := b.store
	for i := range items {
		if err := b.dead.Delete(keys[i]); err != nil {
			return 0, err
		}
		if err := then(&items[i]); err != nil {
			return 0, err
		}
	}
	b.apply = append(b.apply, func() { s.dead -= len(items) })
	return len(items), nil
}
