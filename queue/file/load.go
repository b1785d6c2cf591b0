package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"time"

	bolt "go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// load opens the file, checks it and reads the order of what is in there. What
// is in flight stays so.
// Others can go on asking what was there before: a long file takes its time, and
// as long as there is no database, nothing changes what is in flight.
func (s *Store) load() error {
	if err := s.check(); err != nil {
		return err
	}
	defer readAhead(s.options.Path)() // for opening too: bbolt looks for free pages then
	db, err := s.openDB()
	if err != nil {
		return err
	}
	var found contents
	err = guard(func() error {
		err := db.View(func(tx *bolt.Tx) (err error) {
			found, err = s.scan(tx)
			return err
		})
		if err != nil {
			return err // before anything was written
		}
		return db.Update(prepare)
	})
	if err != nil {
		return errors.Join(err, db.Close())
	}
	s.ahead.open(s.options.Path)
	s.mu.Lock()
	defer s.mu.Unlock()
	s.db, s.contents = db, found
	return nil
}

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

// check looks at a file before anything may write to it.
func (s *Store) check() error {
	info, err := os.Stat(s.options.Path)
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return nil
	case err != nil:
		return err
	case !info.Mode().IsRegular():
		return errForeign
	case info.Size() == 0:
		return nil // made, but nothing was written to it yet
	}
	return guard(func() error {
		db, err := bolt.Open(s.options.Path, 0o600, &bolt.Options{ReadOnly: true, Timeout: s.options.LockTimeout})
		if err != nil {
			return explain(err)
		}
		err = db.View(func(tx *bolt.Tx) error {
			if tx.Size() > info.Size() {
				return fmt.Errorf("it is damaged: %d bytes of %d are there", info.Size(), tx.Size())
			}
			return checkFormat(tx)
		})
		return errors.Join(err, db.Close())
	})
}

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

func checkFormat(tx *bolt.Tx) error {
	meta := tx.Bucket(bucketMeta)
	if meta == nil {
		if key, _ := tx.Cursor().First(); key == nil {
			return nil // a crash came before the first transaction
		}
		return errForeign
	}
	if format := meta.Get(keyFormat); string(format) != formatName {
		return fmt.Errorf("its format %q is not %q: another version of this module wrote it", format, formatName)
	}
	return nil
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

// scan reads every record, and so checks it.
func (s *Store) scan(tx *bolt.Tx) (contents, error) {
	index := newIndex()
	ids := make(map[uint64]reference)
	dead := 0
	retries := make(map[uint64]time.Time)
	err := each(tx, bucketAttempts, func(n uint64, _, value []byte) error {
		var item queue.Item
		due, err := decodeAttempts(value, &item)
		retries[n] = due
		return err
	})
	if err != nil {
		return contents{}, err
	}
	err = each(tx, bucketEvents, func(n uint64, _, value []byte) error {
		e, received, err := decodeEvent(value)
		if err != nil {
			return err
		}
		ids[s.hash(e.ID)] = refWaiting | reference(n)
		index.add(s.hash(e.Key), n, received, retries[n], s.inFlight[n])
		return nil
	})
	if err != nil {
		return contents{}, err
	}
	err = each(tx, bucketDead, func(n uint64, _, value []byte) error {
		item, err := decodeDead(value)
		ids[s.hash(item.ID)] = refDead | reference(n)
		dead++
		return err
	})
	if err != nil {
		return contents{}, err
	}
	err = each(tx, bucketDelivered, func(n uint64, key, _ []byte) error {
		at, id, err := decodeDelivered(key)
		if err == nil {
			hash := s.hash(id)
			if _, waits := ids[hash]; !waits {
				ids[hash] = refDelivered | reference(at.UnixNano())
			}
		}
		return err
	})
	if err != nil {
		return contents{}, err
	}
	return contents{index: index, ids: ids, dead: dead}, nil
}

func each(tx *bolt.Tx, bucket []byte, f func(n uint64, key, value []byte) error) error {
	b := tx.Bucket(bucket)
	if b == nil {
		return nil // of a new file
	}
	return b.ForEach(func(key, value []byte) error {
		n, err := decodeNumber(key)
		if err == nil {
			err = f(n, key, value)
		}
		if err != nil {
			return fmt.Errorf("it is damaged: %s %x: %w", bucket, key, err)
		}
		return nil
	})
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

// Count returns how many events a queue file holds, dead letters included. The
// file is not changed, and must not be open.
func Count(path string) (n int, err error) {
	err = guard(func() error {
		db, err := bolt.Open(path, 0o600, &bolt.Options{ReadOnly: true, Timeout: time.Second})
		if err != nil {
			return explain(err)
		}
		err = db.View(func(tx *bolt.Tx) error {
			for _, name := range [][]byte{bucketEvents, bucketDead} {
				if b := tx.Bucket(name); b != nil {
					n += b.Stats().KeyN
				}
			}
			return checkFormat(tx)
		})
		return errors.Join(err, db.Close())
	})
	return n, err
}
