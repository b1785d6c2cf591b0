package file

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// contents is what is known about a file without looking into it. IDs and keys are
// there as hashes.
type contents struct {
	index *index
	ids   map[uint64]reference // the writer's alone; as of the transaction that it is in
	dead  int
}

// firstTransaction is the last one of a file that bbolt has just made.
const firstTransaction = 1

// visitor is called with every record of a file, bucket by bucket in the order of
// their names, each in the order of its numbers. The slices are valid until it returns.
type visitor func(bucket string, n uint64, key, value []byte) error

// readContents reads every record of the file, and so checks it, before anything is
// written. It also returns the number of the file's last transaction.
func (s *Store) readContents() (found contents, last int, err error) {
	found = contents{index: newIndex(), ids: make(map[uint64]reference)}
	last, err = inspect(s.options.Path, s.options.LockTimeout, s.collect(&found))
	return found, last, err
}

// collect decodes the records and adds them to found.
func (s *Store) collect(found *contents) visitor {
	retries := make(map[uint64]time.Time)
	return func(bucket string, n uint64, key, value []byte) error {
		switch bucket {
		case string(bucketAttempts):
			due, err := decodeAttempts(value, new(queue.Item))
			retries[n] = due
			return err
		case string(bucketDead):
			item, err := decodeDead(value)
			found.ids[s.hash(item.ID)] = refDead | reference(n)
			found.dead++
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
			found.ids[s.hash(e.ID)] = refWaiting | reference(n)
			found.index.add(s.hash(e.Key), n, received, retries[n], s.inFlight[n])
		}
		return nil
	}
}

// Count returns how many events a queue file holds, dead letters included. The
// file is not changed, and must not be open.
func Count(path string) (n int, err error) {
	_, err = inspect(path, time.Second, func(bucket string, _ uint64, _, _ []byte) error {
		if bucket == string(bucketEvents) || bucket == string(bucketDead) {
			n++
		}
		return nil
	})
	return n, err
}

// inspect calls visit with every record of a file that is not open for writing, and
// returns the number of its last transaction.
func inspect(path string, timeout time.Duration, visit visitor) (last int, err error) {
	switch info, err := os.Stat(path); {
	case errors.Is(err, fs.ErrNotExist):
		return firstTransaction, nil
	case err != nil:
		return 0, err
	case !info.Mode().IsRegular():
		return 0, errForeign
	case info.Size() == 0:
		return firstTransaction, nil // made, but nothing was written to it yet
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
			return explain(err)
		}
		defer func() { err = errors.Join(err, db.Close()) }()
		return db.View(func(tx *bolt.Tx) error {
			info, err := file.Stat()
			if err != nil {
				return err
			}
			if tx.Size() > info.Size() {
				return fmt.Errorf("it is damaged: %d bytes of %d are there", info.Size(), tx.Size())
			}
			last = tx.ID()
			err = records(newPages(file, tx.Size(), db.Info().PageSize, uint64(tx.Cursor().Bucket().Root())), visit)
			if errors.Is(err, errDamaged) {
				err = fmt.Errorf("it is damaged: %w", err)
			}
			return err
		})
	})
	return last, err
}

// records reads what a file of ours has in its buckets.
func records(p *pages, visit visitor) error {
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
			if err == nil && n > b.sequence && (b.name == string(bucketEvents) || b.name == string(bucketDead)) {
				err = fmt.Errorf("%w: the last number was %d", errDamaged, b.sequence)
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
		return nil // a crash came before the first transaction
	}
	return errForeign
}
