package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/internal/lanes"
)

// contents is what memory has about the events in a file. It has only hashes of IDs and keys.
type contents struct {
	index *lanes.Index
	ids   map[uint64]reference // only the writer uses it, and changes it during a transaction
	dead  int                  // how many dead letters there are
	bytes int64                // the size of the records of events and dead letters

	retained retainedEvents
}

// firstTransaction is the number of the last transaction of a file that bbolt has just created.
const firstTransaction = 1

// visitor is called with every record of a file. The buckets are sorted by name, and the records
// of each bucket by number. The slices are valid until it returns.
type visitor func(bucket string, n uint64, key, value []byte) error

// readContents reads and checks every record of the file, before anything is written. It also
// returns the number of the file's last transaction.
func (s *Store) readContents() (found contents, last int, err error) {
	s.mu.Lock()
	wait := s.options.Limits.Wait
	s.mu.Unlock()
	found = contents{index: lanes.New(s.zero, wait), ids: make(map[uint64]reference), retained: retainedEvents{numbers: make(map[uint64]uint64)}}
	last, err = inspect(s.options.Path, s.options.LockTimeout, s.collect(&found))
	return found, last, err
}

// collect decodes the records and adds them to found.
func (s *Store) collect(found *contents) visitor {
	retries := make(map[uint64]time.Time)
	now := s.options.now() // later times in the file were written while the clock was ahead
	latest := now.Add(found.index.Wait())
	return func(bucket string, n uint64, key, value []byte) error {
		switch bucket {
		case string(bucketAttempts):
			due, err := decodeAttempts(value, new(queue.Item))
			if due.After(latest) {
				due = latest
			}
			retries[n] = due
			return err
		case string(bucketDead):
			item, err := decodeDead(value)
			found.ids[s.hash(item.ID)] = refDead | reference(n)
			found.dead++
			found.bytes += int64(len(value))
			return err
		case string(bucketRetained):
			item, _, err := decodeEnded(value)
			found.retained.numbers[s.hash(item.ID)] = n
			found.retained.bytes += int64(len(value))
			return err
		case string(bucketDelivered):
			at, id, err := decodeDelivered(key)
			if hash := s.hash(id); found.ids[hash]&refKind != refDead {
				found.ids[hash] = refDelivered | reference(at.UnixNano())
			}
			return err
		case string(bucketEvents):
			e, received, err := decodeEvent(value)
			if err != nil {
				return err
			}
			found.bytes += int64(len(value))
			found.ids[s.hash(e.ID)] = refWaiting | reference(n)
			if received.After(now) {
				received = now
			}
			found.index.Add(s.hash(e.Key), n, received, retries[n], s.inFlight[n])
		}
		return nil
	}
}

// Count returns how many events a queue file holds, dead letters included. If there is no file
// it returns 0. It does not change the file. It returns an error if the file is damaged or not a
// queue of this module, and [ErrInUse] if a process, also this one, has it open.
func Count(path string) (n int, err error) {
	_, err = inspect(path, time.Second, func(bucket string, _ uint64, _, _ []byte) error {
		if bucket == string(bucketEvents) || bucket == string(bucketDead) {
			n++
		}
		return nil
	})
	return n, err
}

// inspect calls visit with every record of a file, and returns the number of the last transaction.
// The file must not be open for writing.
func inspect(path string, timeout time.Duration, visit visitor) (last int, err error) {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return firstTransaction, nil
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, errForeign
	case info.Size() == 0:
		return firstTransaction, nil // the file was created, but nothing was written to it yet
	}
	err = guard(func() (err error) {
		var file *os.File
		db, err := bolt.Open(path, 0o600, &bolt.Options{
			ReadOnly: true,
			Timeout:  timeout,
			OpenFile: func(path string, flag int, mode os.FileMode) (f *os.File, err error) {
				file, err = os.OpenFile(path, flag, mode)
				return file, err
			},
		})
		if err != nil {
			return explain(path, err)
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		return db.View(func(tx *bolt.Tx) error {
			info, err := file.Stat()
			if err != nil {
				return err
			}
			if tx.Size() > info.Size() {
				return fmt.Errorf("it is damaged: it has %d bytes instead of %d", info.Size(), tx.Size())
			}
			last = tx.ID()
			err = readRecords(newPages(file, tx.Size(), db.Info().PageSize, uint64(tx.Cursor().Bucket().Root())), visit)
			if errors.Is(err, errDamaged) {
				err = fmt.Errorf("it is damaged: %w", err)
			}
			return err
		})
	})
	return last, err
}

// readRecords calls visit with every record in the buckets of a queue file.
func readRecords(p *pages, visit visitor) error {
	buckets, err := p.buckets()
	if err == nil {
		err = checkFormat(p, buckets)
	}
	if err != nil {
		return err
	}
	for _, b := range buckets {
		if b.name == string(bucketMeta) {
			continue
		}
		err := p.each(b, func(key, value []byte) error {
			n, err := decodeNumber(key)
			if err == nil && n > b.sequence && isNumbered(b.name) {
				err = fmt.Errorf("%w: its number is greater than the last one, %d", errDamaged, b.sequence)
			}
			if err == nil {
				err = visit(b.name, n, key, value)
			}
			if err != nil {
				return fmt.Errorf("%.32x: %w", key, err)
			}
			return nil
		})
		if err != nil {
			return fmt.Errorf("%s: %w", b.name, err)
		}
	}
	return nil
}

// isNumbered reports whether the records of a bucket have numbers that it has given.
func isNumbered(bucket string) bool {
	return bucket == string(bucketEvents) || bucket == string(bucketDead) || bucket == string(bucketRetained)
}

func checkFormat(p *pages, buckets []bucket) error {
	for _, b := range buckets {
		if b.name != string(bucketMeta) {
			continue
		}
		var format string
		err := p.each(b, func(key, value []byte) error {
			if string(key) == string(keyFormat) {
				format = string(value)
			}
			return nil
		})
		if err == nil && format != formatName {
			err = fmt.Errorf("its format %.64q is not %q: another version of this module wrote it", format, formatName)
		}
		return err
	}
	if len(buckets) == 0 {
		return nil // the process was killed before the first transaction
	}
	return errForeign
}
