package file

import (
	"errors"
	"io/fs"
	"syscall"
	"time"

	bolt "go.etcd.io/bbolt"
)

// The reserve is space in the file that is released when the file cannot grow any more. Only
// deliveries make room again, but recording a delivery needs some pages before it frees others.
// As long as there is no reserve, no event is stored.
const (
	reserveValues = 128
	reserveValue  = 1900 // in bytes: two of them fill a page, so that no adjacent pages are needed

	// roomToResume is how many bytes must be free, including those for the reserve,
	// before events are stored again. It is clearly more than the reserve; otherwise
	// the next events would make the store release the reserve at once.
	roomToResume = reserveValues*2048 + 1<<20
)

const (
	// resumeAfter is how long the store waits at least, after a write has failed,
	// before it tries to store events again.
	resumeAfter = time.Second

	// reopenPause says how long the store then waits: so many times as long as it took to
	// open the file again. Opening a long file takes long, and deliveries go on only in
	// between.
	reopenPause = 5
)

var bucketReserve = []byte("reserve")

// fillReserve creates the reserve, if there is none. If that succeeds, there is room in the file, or
// the file can grow.
func (s *Store) fillReserve() error {
	return s.update(func(tx *bolt.Tx) error {
		if tx.Bucket(bucketReserve) != nil {
			return errUnchanged
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
			return errUnchanged
		}
		return tx.DeleteBucket(bucketReserve)
	})
}

// errNoRoom is the error for events that are refused before anything is written.
var errNoRoom = errors.New("there is no space left for more events")

// nothingLost reports whether a write has failed because the disk is full, before anything was
// synced. Then the file is as it was before, and can still be used. After a failed sync, in
// contrast, it is unknown what is on the disk.
func nothingLost(err error) bool {
	if errors.Is(err, errNoRoom) {
		return true
	}
	pathErr, ok := errors.AsType[*fs.PathError](err)
	return ok && pathErr.Op == "write" && noSpace(err)
}

func noSpace(err error) bool {
	return errors.Is(err, syscall.ENOSPC) || errors.Is(err, syscall.EDQUOT) || errors.Is(err, syscall.EFBIG)
}

// mend makes the file usable again after a write has failed, if possible, and releases the
// reserve, so that outcomes can be written. If stuck is set, not even outcomes could be written,
// and it leaves the file as it is. It returns how long to wait before trying to store events again.
func (s *Store) mend(err error, stuck bool) (pause time.Duration) {
	began := time.Now()
	if !nothingLost(err) {
		s.abandon()
	}
	if !stuck && (s.usable() || s.load() == nil) {
		if err := s.releaseReserve(); err != nil && !nothingLost(err) {
			s.abandon()
		}
		s.signalOutcomes()
	}
	return max(resumeAfter, reopenPause*time.Since(began))
}

// resume makes the file ready to store events again, after it could not be written.
func (s *Store) resume() error {
	if !s.usable() {
		if err := s.load(); err != nil {
			return err
		}
	}
	return s.makeRoomOfRetained(func() error {
		err := s.view(func(tx *bolt.Tx) error { return s.needRoom(tx, roomToResume) })
		if err != nil {
			return err
		}
		return s.fillReserve()
	})
}

// makeRoom checks that there is room for events before they are written. After a transaction that
// fails half-way, bbolt has to read every page of the file.
func (s *Store) makeRoom(tx *bolt.Tx, puts []*put) error {
	if len(puts) == 0 {
		return nil
	}
	need := s.pageSize() * changedPages
	for _, p := range puts {
		need += len(p.record) * 5 / 4
	}
	return s.needRoom(tx, need)
}

// changedPages is an upper bound of the pages that a batch changes besides those of its events.
const changedPages = 64

// pagesPerOutcome is an upper bound of the pages that are needed to write one outcome.
const pagesPerOutcome = 16

// outcomesWithin returns how many outcomes can be written in room bytes, but at least one.
func (s *Store) outcomesWithin(room int) int {
	return min(max(room/(s.pageSize()*pagesPerOutcome), 1), maxBatch)
}

func (s *Store) pageSize() int { return s.db.Info().PageSize }

// freeBytes returns the size of the free pages within the file, in bytes.
func (s *Store) freeBytes() int {
	stats := s.db.Stats()
	return stats.FreePageN * s.pageSize()
}

// needRoom returns errNoRoom if there is no room for need bytes, in free pages and where the file
// can grow.
func (s *Store) needRoom(tx *bolt.Tx, need int) error {
	if !s.room.write(tx.Size(), int64(need-s.freeBytes())) {
		return errNoRoom
	}
	return nil
}
