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

// load reads the file and opens it for writing. Events that are in flight stay in flight. Reading
// a long file takes long, so load does not lock the store meanwhile: Counts and Has answer from
// the previous contents, and nothing changes what is in flight as long as there is no database.
func (s *Store) load() error {
	if !s.options.noReadAhead {
		defer readAhead(s.options.Path)() // also while the file is opened, since bbolt then looks for free pages
	}
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
			// if another process was killed, its last transaction may not be on the
			// disk yet, and from now on pages of the one before may be overwritten
			if err := db.Sync(); err != nil {
				return err
			}
			return db.Update(func(tx *bolt.Tx) error {
				if tx.ID() != last+1 {
					return errChanged
				}
				return prepare(tx)
			})
		})
		if err == nil || err == errUnchanged {
			if !s.options.noAhead {
				s.room.open(s.options.Path)
			}
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

var errChanged = errors.New("another process has changed the file")

func (s *Store) openDB() (db *bolt.DB, err error) {
	err = guard(func() error {
		db, err = s.options.open(s.options.Path, 0o600, &bolt.Options{
			Timeout: s.options.LockTimeout,
			// while a long queue is being delivered, the list of free pages is long,
			// and would be written in every transaction
			NoFreelistSync:  true,
			FreelistType:    bolt.FreelistMapType,
			InitialMmapSize: initialMmap,
		})
		return explain(s.options.Path, err)
	})
	return db, err
}

// lockedByProcess reports whether on this system bbolt's lock belongs to the process. Such a lock
// is lost when the process closes any other descriptor of the file.
func lockedByProcess() bool {
	switch runtime.GOOS {
	case "aix", "android", "illumos", "solaris":
		return true
	}
	return false
}

// initialMmap is the initial size of the memory mapping, in bytes. It is large, since growing the
// mapping later has to wait for all readers. It takes only address space.
const initialMmap = 256 << 20 << (strconv.IntSize / 64 * 2)

// explain replaces errors of bbolt by errors that say what the user has to know.
func explain(path string, err error) error {
	switch {
	case errors.Is(err, bolterrors.ErrTimeout):
		return inUse(path)
	case errors.Is(err, bolterrors.ErrInvalid), errors.Is(err, bolterrors.ErrVersionMismatch):
		return errForeign
	case errors.Is(err, bolterrors.ErrChecksum):
		return fmt.Errorf("it is damaged: %w", err)
	}
	return err
}

// prepare creates the buckets that a new file lacks. It does not write to a complete file, since
// that must open also on a full disk; otherwise nothing could be delivered from it.
func prepare(tx *bolt.Tx) error {
	err := errUnchanged
	for _, name := range [][]byte{bucketMeta, bucketEvents, bucketAttempts, bucketDelivered, bucketDead} {
		if tx.Bucket(name) != nil {
			continue
		}
		if _, err = tx.CreateBucket(name); err != nil {
			return err
		}
	}
	if string(tx.Bucket(bucketMeta).Get(keyFormat)) == formatName {
		return err
	}
	return tx.Bucket(bucketMeta).Put(keyFormat, []byte(formatName))
}

// guard calls f and returns an error if f panics. If the file is damaged bbolt may panic, and if
// the file was shortened an access to its mapped memory faults.
func guard(f func() error) (err error) {
	defer debug.SetPanicOnFault(debug.SetPanicOnFault(true))
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it is damaged: %v", p)
		}
	}()
	return f()
}

// errUnchanged rolls back a transaction that changes nothing, which saves a sync.
var errUnchanged = errors.New("nothing to write")

// update runs f in a transaction and writes it, unless f returns errUnchanged.
func (s *Store) update(f func(*bolt.Tx) error) error {
	err := guard(func() error { return s.db.Update(f) })
	if err == errUnchanged {
		return nil
	}
	return err
}

func (s *Store) view(f func(*bolt.Tx) error) error {
	return guard(func() error { return s.db.View(f) })
}

// abandon closes a file that cannot be written.
func (s *Store) abandon() {
	s.room.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db != nil {
		_ = guard(s.db.Close)
		s.db = nil
	}
}
