// Package file is a queue in one file, a bbolt database: one writer makes all that
// wait for the disk durable in one transaction, with one sync for all of them.
package file

import (
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"path/filepath"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Options are how a store is opened.
type Options struct {
	// Path of the file. It is made, mode 0600, with the folders to it, mode 0700,
	// if it is not there.
	Path string

	// MaxEvents is how many events are kept, dead letters included. Beyond it
	// storing fails, and nothing is dropped. Default: 1,000,000.
	MaxEvents int

	// LockTimeout is how long to wait for another process that has the file
	// open. Default: 5 seconds.
	LockTimeout time.Duration

	// OnError is told when the file cannot be written, and nil when it can be
	// again. Optional.
	OnError func(error)

	now func() time.Time
	// open opens the database; tests put a failing file in its place
	open func(path string, mode os.FileMode, options *bolt.Options) (*bolt.DB, error)
}

// Store is a queue in a file. See [queue.Store].
type Store struct {
	options  Options
	wake     chan struct{}
	inbox    inbox
	ahead    ahead
	requests chan *request
	ending   chan struct{} // has one when ends is not empty
	closing  chan struct{}
	closed   chan struct{} // the writer has returned
	seed     maphash.Seed  // of what stands for IDs and keys in memory
	close    func() error

	mu       sync.Mutex
	db       *bolt.DB        // nil while it cannot be used
	contents                 // as of the last transaction
	oldest   time.Time       // as it was last seen
	hastened int             // how often Hasten was called
	ends     []end           // not yet written
	inFlight map[uint64]bool // what was taken and whose end is not written yet
}

// Open opens a queue or makes a new one. A file that is not a queue of ours, or
// that is damaged, is an error and left as it is.
func Open(options Options) (*Store, error) {
	if options.MaxEvents == 0 {
		options.MaxEvents = 1_000_000
	}
	if options.LockTimeout == 0 {
		options.LockTimeout = 5 * time.Second
	}
	if options.now == nil {
		options.now = time.Now
	}
	if options.open == nil {
		options.open = bolt.Open
	}
	if options.OnError == nil {
		options.OnError = func(error) {}
	}
	if err := os.MkdirAll(filepath.Dir(options.Path), 0o700); err != nil {
		return nil, fmt.Errorf("making the folder of the queue: %w", err)
	}
	s := &Store{
		options:  options,
		wake:     make(chan struct{}, 1),
		inbox:    inbox{filled: make(chan struct{}, 1)},
		requests: make(chan *request),
		ending:   make(chan struct{}, 1),
		closing:  make(chan struct{}),
		closed:   make(chan struct{}),
		seed:     maphash.MakeSeed(),
		inFlight: make(map[uint64]bool),
	}
	if err := s.load(); err != nil {
		return nil, fmt.Errorf("queue file %s: %w", options.Path, err)
	}
	s.close = sync.OnceValue(s.shut)
	go s.write()
	return s, nil
}

func (s *Store) hash(text string) uint64 { return maphash.String(s.seed, text) }

// Close implements [queue.Store].
func (s *Store) Close() error { return s.close() }

func (s *Store) shut() error {
	close(s.closing)
	<-s.closed
	s.ahead.close()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil
	}
	err := s.db.Close()
	s.db = nil
	return err
}

// Wake implements [queue.Store].
func (s *Store) Wake() <-chan struct{} { return s.wake }

func (s *Store) wakeUp() {
	select {
	case s.wake <- struct{}{}:
	default:
	}
}

// Take implements [queue.Store].
func (s *Store) Take(now time.Time) (*queue.Item, time.Time, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil, time.Time{}, s.unusable()
	}
	n, seq, ok := s.index.take(now)
	if !ok {
		return nil, s.index.next(), nil
	}
	item, err := s.read(seq)
	if err != nil {
		s.index.giveBack(n, now.Add(time.Second))
		return nil, time.Time{}, fmt.Errorf("reading event %d of %s: %w", seq, s.options.Path, err)
	}
	s.inFlight[seq] = true
	return item, time.Time{}, nil
}

// read reads an event that waits.
func (s *Store) read(seq uint64) (*queue.Item, error) {
	item := &queue.Item{Seq: seq}
	err := s.view(func(tx *bolt.Tx) (err error) {
		key := encodeNumber(seq)
		item.Event, item.Received, err = decodeEvent(tx.Bucket(bucketEvents).Get(key))
		if err != nil {
			return err
		}
		item.Payload = append([]byte(nil), item.Payload...)
		if attempts := tx.Bucket(bucketAttempts).Get(key); attempts != nil {
			_, err = decodeAttempts(attempts, item)
		}
		return err
	})
	return item, err
}

// Release implements [queue.Store].
func (s *Store) Release(item *queue.Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		// it is being read what is in flight, and will be taken for that
		s.ends = append(s.ends, end{kind: endReleased, item: *item})
		return
	}
	if n, ok := s.index.head(s.hash(item.Key), item.Seq); ok && s.inFlight[item.Seq] {
		delete(s.inFlight, item.Seq)
		s.index.giveBack(n, time.Time{})
		s.wakeUp()
	}
}

// Hasten implements [queue.Store].
func (s *Store) Hasten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hastened++
	s.index.hasten()
	s.wakeUp()
}

// SetMaxEvents implements [queue.Store].
func (s *Store) SetMaxEvents(n int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.MaxEvents = n
}

// Has implements [queue.Store].
func (s *Store) Has(key string) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index.has(s.hash(key))
}

// Counts implements [queue.Store].
func (s *Store) Counts() queue.Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := queue.Counts{Waiting: s.index.size - s.index.taken, InFlight: s.index.taken, Dead: s.dead}
	if s.db == nil || s.index.size == 0 {
		return counts
	}
	_ = s.view(func(tx *bolt.Tx) error {
		if _, first := tx.Bucket(bucketEvents).Cursor().First(); first != nil {
			_, s.oldest, _ = decodeEvent(first)
		}
		return nil
	})
	// that of before, if the last one's end was written but a moment ago
	counts.Oldest = s.oldest
	return counts
}

// unusable is why there is no database.
func (s *Store) unusable() error {
	select {
	case <-s.closing:
		return queue.ErrClosed
	default:
		return queue.ErrUnavailable
	}
}

var errForeign = errors.New("it is not a queue of this module")

// Interface guard
var _ queue.Store = (*Store)(nil)
