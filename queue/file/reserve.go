package file

import bolt "go.etcd.io/bbolt"

// The reserve is space that is given up when the file cannot grow any more: noting
// a delivery takes some pages before it frees others, and it is deliveries that
// make room again. As long as there is no reserve, nothing is stored.
const (
	reserveValues = 128
	reserveValue  = 1900 // bytes, so that two make a page, and no pages in a row are needed
)

var bucketReserve = []byte("reserve")

// fillReserve also proves that there is room in the file, or that it can grow.
func (s *Store) fillReserve() error {
	return s.update(func(tx *bolt.Tx) error {
		if tx.Bucket(bucketReserve) != nil {
			return nil
		}
		b, err := tx.CreateBucket(bucketReserve)
		if err != nil {
			return err
		}
		b.FillPercent = 1
		for n := range uint64(reserveValues) {
			if err := b.Put(encodeNumber(n), make([]byte, reserveValue)); err != nil {
				return err
			}
		}
		return nil
	})
}

func (s *Store) releaseReserve() error {
	return s.update(func(tx *bolt.Tx) error {
		if tx.Bucket(bucketReserve) == nil {
			return nil
		}
		return tx.DeleteBucket(bucketReserve)
	})
}

// reopen opens the file again, if it is not open, and gives up the reserve to write
// what has ended.
func (s *Store) reopen() error {
	if s.usable() {
		return nil
	}
	err := s.load()
	if err == nil {
		err = s.releaseReserve()
	}
	s.mu.Lock()
	n := len(s.ends)
	s.mu.Unlock()
	for ; n > 0 && err == nil; n-- {
		err = s.commit(nil, nil, true)
	}
	if err != nil {
		s.abandon()
	}
	return err
}
