// Package file keeps the events of a queue in one file, a bbolt database. A single goroutine
// writes it: it stores all events that wait for the disk in one transaction, with one sync.
package file

import (
	"context"
	"errors"
	"fmt"
	"hash/maphash"
	"os"
	"sync"
	"time"

	bolt "go.etcd.io/bbolt"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/internal/inbox"
)

// Options say how [Open] opens a store.
type Options struct {
	// Path is the path of the file. If there is no such file, it is created with
	// mode 0600, and missing folders are created with mode 0700. Required.
	Path string

	// Limits are the limits of the queue. [queue.Limits.Bytes] counts the records in
	// the file, which are some bytes longer than the events in them.
	Limits queue.Limits

	// LockTimeout is how long to wait for another process to close the file.
	// Default: 5 seconds.
	LockTimeout time.Duration

	// OnError is called with an error when the file cannot be written any more, and
	// with nil when it can be written again. Optional.
	OnError func(error)

	now func() time.Time
	// open opens the database; tests replace it to make the file fail
	open func(path string, mode os.FileMode, options *bolt.Options) (*bolt.DB, error)
	// benchmarks measure what these two are worth by leaving them out
	noAhead, noReadAhead bool
}

// Store is a queue in a file. See [queue.Store].
type Store struct {
	options       Options
	wake          chan struct{}
	inbox         *inbox.Inbox[*put]
	room          room
	requests      chan *request
	outcomesAdded chan struct{} // has a value when there are outcomes to write
	closing       chan struct{}
	closed        chan struct{} // closed when the writer has returned
	seed          maphash.Seed  // of the hashes that replace IDs and keys in memory
	zero          time.Time     // the zero of the index
	close         func() error

	// only the writer uses these two
	untidy   bool // whether the last batch has left retained events that are to be removed
	squeezed bool // whether all retained events are to be removed

	scarceOutcomes int // the most outcomes of the next batch while space is scarce (0 means 1); only the writer uses it

	mu       sync.Mutex
	db       *bolt.DB        // nil while the file cannot be used
	contents                 // as of the last transaction
	oldest   time.Time       // the last known value of Counts.Oldest
	hastened int             // how often Hasten has been called
	outcomes []outcome       // outcomes that are not written yet
	inFlight map[uint64]bool // events that were taken and whose outcome is not written yet
}

// Open opens the queue in a file, and creates the file if there is none. It returns an error,
// and leaves the file unchanged, if the file is damaged or not a queue of this module. If
// another process has the file open, the error is [ErrInUse].
func Open(options Options) (*Store, error) {
	options.Limits = options.Limits.WithDefaults()
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
	if err := create(options.Path); err != nil {
		return nil, err
	}
	s := &Store{
		options:       options,
		wake:          make(chan struct{}, 1),
		inbox:         inbox.New[*put](maxBatch),
		requests:      make(chan *request),
		outcomesAdded: make(chan struct{}, 1),
		closing:       make(chan struct{}),
		closed:        make(chan struct{}),
		seed:          maphash.MakeSeed(),
		zero:          options.now(),
		inFlight:      make(map[uint64]bool),
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
	s.room.close()
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
func (s *Store) Take(now time.Time, except ...string) (*queue.Item, time.Time, error) {
	var hashes []uint64
	for _, key := range except {
		hashes = append(hashes, s.hash(key))
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		return nil, time.Time{}, s.unusable()
	}
	n, seq, ok := s.index.Take(now, hashes)
	if !ok {
		return nil, s.index.Next(), nil
	}
	item, err := s.read(seq)
	if err != nil {
		s.index.GiveBack(n, now.Add(time.Second))
		return nil, time.Time{}, fmt.Errorf("reading event %d: %w", seq, err)
	}
	s.inFlight[seq] = true
	return item, time.Time{}, nil
}

// read reads an event that waits for delivery.
func (s *Store) read(seq uint64) (*queue.Item, error) {
	item := new(queue.Item)
	err := s.view(func(tx *bolt.Tx) error { return readEvent(tx, seq, item) })
	return item, err
}

func readEvent(tx *bolt.Tx, seq uint64, item *queue.Item) (err error) {
	key := encodeNumber(seq)
	item.Seq = seq
	item.Event, item.Received, err = decodeEvent(tx.Bucket(bucketEvents).Get(key))
	if err != nil {
		return err
	}
	item.Payload = append([]byte(nil), item.Payload...)
	if attempts := tx.Bucket(bucketAttempts).Get(key); attempts != nil {
		_, err = decodeAttempts(attempts, item)
	}
	return err
}

// Release implements [queue.Store].
func (s *Store) Release(item *queue.Item) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.db == nil {
		// load reads the file just now, and still counts this event as in flight
		s.outcomes = append(s.outcomes, outcome{kind: outcomeReleased, item: *item})
		return
	}
	if n, ok := s.index.Head(s.hash(item.Key), item.Seq); ok && s.inFlight[item.Seq] {
		delete(s.inFlight, item.Seq)
		s.index.GiveBack(n, time.Time{})
		s.wakeUp()
	}
}

// Hasten implements [queue.Store].
func (s *Store) Hasten() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.hastened++
	s.index.Hasten()
	s.wakeUp()
}

// SetLimits implements [queue.Store].
func (s *Store) SetLimits(limits queue.Limits) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.options.Limits = limits.WithDefaults()
	s.index.SetWait(s.options.Limits.Wait, s.options.now())
}

// Has implements [queue.Store].
func (s *Store) Has(_ context.Context, key string) (bool, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.index.Has(s.hash(key)), nil
}

// Totals implements [queue.Store].
func (s *Store) Totals(context.Context) (queue.Counts, error) { return s.Counts(), nil }

// Counts implements [queue.Store].
func (s *Store) Counts() queue.Counts {
	s.mu.Lock()
	defer s.mu.Unlock()
	counts := queue.Counts{Waiting: s.index.Len() - s.index.Taken(), InFlight: s.index.Taken(), Dead: s.dead, Bytes: s.bytes}
	if s.db == nil || s.index.Len() == 0 {
		return counts
	}
	_ = s.view(func(tx *bolt.Tx) error {
		if _, first := tx.Bucket(bucketEvents).Cursor().First(); first != nil {
			_, s.oldest, _ = decodeEvent(first)
		}
		return nil
	})
	// the file may have no event any more, if the index is about to be updated: then
	// this is the value of before
	counts.Oldest = s.oldest
	return counts
}

// unusable returns the error that says why there is no database.
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
