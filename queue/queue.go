// Package queue keeps acknowledged events until they are delivered.
//
// A [Store] is where they lie; package file keeps them in one file. All stores
// are held to the same contract by the suite in package queuetest.
package queue

import (
	"context"
	"errors"
	"time"
)

// Errors of a [Store].
var (
	// ErrFull: the store holds as many events as it may. Nothing was stored.
	ErrFull = errors.New("the queue is full")

	// ErrUnavailable: the store cannot write at present. It tries by itself to
	// become able to again. Nothing was changed.
	ErrUnavailable = errors.New("the queue cannot write at present")

	// ErrClosed: the store was closed. Nothing was changed.
	ErrClosed = errors.New("the queue is closed")

	// ErrNotFound: an ID is not that of a dead letter. Nothing was changed.
	ErrNotFound = errors.New("no such dead letter")
)

// Remember is how long the ID of a delivered event is remembered.
const Remember = 10 * time.Minute

// Event is what a store keeps.
type Event struct {
	ID      string // what has the same ID is the same event
	Key     string // events of the same key are taken one at a time, in the order in which they were put
	Payload []byte // of no meaning to a store
}

// Item is an event that was taken, with what is known about its delivery. Who
// took it counts its attempts; the store keeps them.
type Item struct {
	Event
	Seq       uint64    // the store's own number of it
	Received  time.Time // when it was put
	Attempts  int
	Refusals  int       // of its attempts
	First     time.Time // of its attempts; zero before it
	Last      time.Time
	LastError string // of the last attempt; no secrets
}

// Dead is a dead letter: an event that was given up.
type Dead struct {
	Item
	Cursor string // of its place in the order in which they died
}

// Counts is how much a store holds.
type Counts struct {
	Waiting  int       // not taken at present
	InFlight int       // taken
	Dead     int       // given up
	Oldest   time.Time // when the oldest that waits or is in flight was put; zero if there is none
}

// Store keeps events. It is safe for concurrent use.
//
// An event for which Put returned nil survives every crash until it is delivered
// or dropped. Events of one key are taken in the order in which they were put,
// each only after the one before was durably delivered or buried. A crash gives
// back what was taken: an event may be taken again although it was delivered,
// but never after one of its key that was put later.
//
// Delivered, Retry, Bury and Release end what Take began and do not wait for the
// disk; what cannot be written at present is written as soon as it can be, and
// until then nothing more of that key is taken.
type Store interface {
	// Put stores an event durably before it returns. It reports false, and
	// stores nothing, for an ID that waits, is in flight, is dead, or was
	// delivered less than [Remember] ago. Once it has begun, cancelling ctx
	// does not undo it. The payload is the caller's again when it returns.
	Put(ctx context.Context, e Event) (added bool, err error)

	// Take hands out an event that is due at now, the longest due first. If there
	// is none it returns nil and when there will be one, as far as is known
	// (else the zero time).
	Take(now time.Time) (item *Item, next time.Time, err error)

	// Wake receives after something may have become due: a put, an end, a replay.
	Wake() <-chan struct{}

	// Delivered forgets an item but for its ID.
	Delivered(item *Item)

	// Retry gives an item back, with its attempts as they now are, to be due at a time.
	Retry(item *Item, at time.Time)

	// Bury makes an item a dead letter, with its attempts as they now are.
	Bury(item *Item)

	// Release gives an item back as it was, due at once.
	Release(item *Item)

	// Hasten makes all that waits for a retry due at once.
	Hasten()

	// Has reports whether events of the key wait or are in flight.
	Has(key string) bool

	// SetMaxEvents changes how many events the store holds until it is full.
	SetMaxEvents(n int)

	// Counts says how much there is.
	Counts() Counts

	// Dead lists up to limit dead letters in the order in which they died, from
	// behind a cursor on; "" is the beginning, and the cursor's own may be gone.
	Dead(after string, limit int) ([]Dead, error)

	// Replay makes dead letters, all of them if no ID is given, the newest events
	// of their keys: received now, without attempts. It returns how many.
	Replay(ids ...string) (int, error)

	// Drop forgets dead letters, all of them if no ID is given.
	Drop(ids ...string) (int, error)

	// Close waits for what is being written and gives the store up. What was
	// taken and not ended is there again when the store is opened next.
	Close() error
}
