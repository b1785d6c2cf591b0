package file

import (
	"errors"
	"fmt"
	"runtime"
	"runtime/debug"
	"strconv"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"
)

// load reads what is in the file and opens it for writing. What is in flight stays
// so. Others can go on asking what was there before: a long file takes its time, and
// as long as there is no database, nothing changes what is in flight.
func (s *Store) load() error {
	defer readAhead(s.options.Path)() // for opening too: bbolt looks for free pages then
	for {
		found, last, err := s.readContents()
		if err != nil {
			return err
		}
		db, err := s.openDB()
		if err != nil {
			return err
		}
		err = guard(func() error {
			return db.Update(func(tx *bolt.Tx) error {
				if tx.ID() != last+1 {
					return errChanged
				}
				return prepare(tx)
			})
		})
		if err == nil {
			s.ahead.open(s.options.Path)
			s.mu.Lock()
			s.db, s.contents = db, found
			s.mu.Unlock()
			return nil
		}
		if err = errors.Join(err, db.Close()); !errors.Is(err, errChanged) {
			return err
		}
	}
}

var errChanged = errors.New("another process has changed it")

func (s *Store) openDB() (db *bolt.DB, err error) {
	err = guard(func() error {
		db, err = s.options.open(s.options.Path, 0o600, &bolt.Options{
			Timeout: s.options.LockTimeout,
			// the list of free pages is long while a long queue is being
			// delivered, and would be written in every transaction
			NoFreelistSync:  true,
			FreelistType:    bolt.FreelistMapType,
			InitialMmapSize: initialMmap,
		})
		return explain(err)
	})
	return db, err
}

// lockedByProcess reports whether bbolt's lock is one of the process, which is lost
// when any other descriptor of the file is closed.
func lockedByProcess() bool {
	switch runtime.GOOS {
	case "aix", "android", "illumos", "solaris":
		return true
	}
	return false
}

// initialMmap spares growing the mapping, which waits for all readers. It takes
// address space only.
const initialMmap = 256 << 20 << (strconv.IntSize / 64 * 2)

// explain says in the user's words what bbolt found.
func explain(err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return errors.New("another process has it open")
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch):
		return errForeign
	case errors.Is(err, bolterrors.ErrChecksum):
		return fmt.Errorf("it is damaged: %w", err)
	}
	return err
}

// prepare makes the buckets of a new file. It also proves that the file can be
// written.
func prepare(tx *bolt.Tx) error {
	for _, name := range [][]byte{bucketMeta, bucketEvents, bucketAttempts, bucketDelivered, bucketDead} {
		if _, err := tx.CreateBucketIfNotExists(name); err != nil {
			return err
		}
	}
	return tx.Bucket(bucketMeta).Put(keyFormat, []byte(formatName))
}

// guard turns what reading a damaged or shortened file ends in into an error:
// bbolt panics, or the kernel takes away the page.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it is damaged: %v", p)
		}
	}()
	return f()
}

// update runs a transaction that writes.
func (s *Store) update(f func(*bolt.Tx) error) error {
	return guard(func() error { return s.db.Update(f) })
}

func (s *Store) view(f func(*bolt.Tx) error) error {
	return guard(func() error { return s.db.View(f) })
}

// abandon closes a file that cannot be written.
func (s *Store) abandon() {
	s.ahead.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		_ = guard(s.db.Close)
		s.db = nil
	}
}
