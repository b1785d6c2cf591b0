// Package queue keeps acknowledged events until they are delivered.
//
// A [Store] keeps the events; the store in package file keeps them in one file. The suite
// in package queuetest checks that a store keeps the contract that is written here.
package queue

import (
	"cmp"
	"context"
	"errors"
	"math"
	"time"
)

// Errors of a [Store].
var (
	// ErrFull means that the store already holds as many events or bytes as its
	// [Limits] allow. Nothing was stored.
	ErrFull = errors.New("the queue is full")

	// ErrUnavailable means that the store cannot write at present. Nothing was
	// changed. The store keeps trying by itself until it can write again.
	ErrUnavailable = errors.New("the queue cannot write at present")

	// ErrClosed means that the store has been closed. Nothing was changed.
	ErrClosed = errors.New("the queue is closed")

	// ErrNotFound means that no dead letter has the given ID. Nothing was changed.
	ErrNotFound = errors.New("no such dead letter")
)

// Remember is how long a store remembers the ID of a delivered event. During that time
// it does not store an event with the same ID again.
const Remember = 10 * time.Minute

// Event is what a store keeps.
type Event struct {
	ID      string // identifies the event: two events with the same ID are duplicates
	Key     string // events with the same key are taken one at a time, in the order in which they were put
	Payload []byte // the store does not interpret it
}

// Item is an event that was taken for delivery, and the record of the attempts to deliver
// it. The caller that took the item updates this record; the store only keeps it.
type Item struct {
	Event
	Seq       uint64    // the number that the store gave to the event
	Received  time.Time // when the event was put or, after a replay, when it was replayed
	Attempts  int       // how many attempts were made
	Refusals  int       // how many of the attempts the backend refused
	First     time.Time // when the first attempt was made; zero if there was none
	Last      time.Time // when the last attempt was made; zero if there was none
	LastError string    // why the last attempt failed; it has no secrets
	History   []Attempt // the last attempts, at most [MaxHistory], the oldest one first

	// Owned ends when the store has lost the event to another node. The attempt to deliver
	// it must end then, and its outcome is not kept. Nil means that this cannot happen.
	Owned context.Context
}

// Dead is a dead letter: an event that is not delivered any more.
type Dead struct {
	Item
	Cursor string // the letter's place among the dead letters, for [Store.Dead]
}

// Limits say how much a store keeps.
type Limits struct {
	// Events is how many events the store keeps at most, dead letters included.
	// Beyond it Put fails with [ErrFull]. Default: 1,000,000.
	Events int

	// Bytes is the total size in bytes of the events that the store keeps at most,
	// dead letters included. Beyond it Put fails with [ErrFull]. Default: no bound.
	Bytes int64

	// Wait is how long an event waits at most for its next attempt, also if the
	// system clock is set back. Default: one year.
	Wait time.Duration

	// Flights is how many events may be in flight at a time: Take returns none beyond it. A store that
	// records the outcomes of deliveries later than it is told of them counts those that are not
	// recorded yet, since a crash would repeat these deliveries. Other stores may leave the count to
	// their caller. Default: no bound.
	Flights int

	// Retain is how long events are kept after their delivery, for [Store.Events] and
	// [Store.ReplayEntries]. They do not count for Events and Bytes. Default: not at all.
	Retain time.Duration

	// RetainBytes is the size in bytes of the delivered events that are kept at most. The
	// oldest ones go first. Default: 1 GiB.
	RetainBytes int64
}

// The defaults of [Limits.Events] and [Limits.RetainBytes].
const (
	DefaultMaxEvents   = 1_000_000
	DefaultRetainBytes = 1 << 30
)

// WithDefaults returns a copy of the limits in which defaults replace zero values.
func (l Limits) WithDefaults() Limits {
	return Limits{
		Events: cmp.Or(l.Events, DefaultMaxEvents),
		Bytes:  cmp.Or(l.Bytes, math.MaxInt64),
		Wait:   cmp.Or(l.Wait, 365*24*time.Hour),

		Flights:     cmp.Or(l.Flights, math.MaxInt),
		Retain:      l.Retain,
		RetainBytes: cmp.Or(l.RetainBytes, DefaultRetainBytes),
	}
}

// Counts is how much a store holds.
type Counts struct {
	Waiting  int       // events that wait to be taken
	InFlight int       // events that were taken and whose delivery has not ended
	Dead     int       // dead letters
	Bytes    int64     // size of all of these, computed as for [Limits.Bytes]
	Oldest   time.Time // when the oldest event that waits or is in flight was put; zero if there is none

	// Spooled is how many events this node keeps on its own disk, until the store that it
	// shares with other nodes takes them. The other counts do not include them.
	Spooled int
}

// Store keeps events. It is safe for concurrent use. Several nodes, each with a Store of its own, may
// share one queue: what is said here about the events of a queue then holds for all of them together.
//
// An event for which Put returned no error survives every crash until it is delivered or
// dropped. Events with the same key are taken in the order in which they were put. Each is
// taken only after it is durably recorded that the previous one was delivered or buried.
// After a crash, the events that were in flight wait again. So an event may be taken again
// although it was delivered, but never after a later event with the same key.
//
// Every item that Take returns must be passed to one of Delivered, Retry, Bury and Release.
// These do not wait for the disk. If the store cannot write at present, it records the
// outcome as soon as it can, and until then it hands out no other event with the same key.
type Store interface {
	// Put stores an event durably before it returns. For a duplicate it stores
	// nothing and returns false: the ID is that of an event that waits, is in flight,
	// is a dead letter, or was delivered less than [Remember] ago. Cancelling ctx
	// makes Put return early, but the event may be stored nevertheless. The caller
	// may change the payload after Put has returned. Errors: [ErrFull],
	// [ErrUnavailable], [ErrClosed] and the error of ctx.
	Put(ctx context.Context, e Event) (added bool, err error)

	// Take hands out the event that has been due longest at the time now. It passes
	// over events whose key is in except, which should be a short list. If no event
	// is due it returns a nil item and the time at which the next one will be due, or
	// the zero time if no event waits for a retry.
	//
	// No event is due later than [Limits.Wait] from now, even if the system clock was
	// set back. Errors: [ErrUnavailable], [ErrClosed], or why an event is unreadable.
	Take(now time.Time, except ...string) (item *Item, next time.Time, err error)

	// Wake returns a channel that receives a value after an event may have become
	// due, for example because one was put or replayed, or a delivery has ended.
	Wake() <-chan struct{}

	// Delivered removes an item that was delivered. The store remembers its ID for
	// the time [Remember]. If [Limits.Retain] says so, it keeps the event and the
	// item's record of attempts, but only until an event with the same ID is put.
	Delivered(item *Item)

	// Retry makes an item wait for its next attempt, which is due at the given time.
	// The store keeps the item's record of attempts.
	Retry(item *Item, at time.Time)

	// Bury makes an item a dead letter and keeps the item's record of attempts.
	Bury(item *Item)

	// Release makes an item wait again as if it had not been taken. It is due at
	// once, and the store does not keep what the caller changed in it.
	Release(item *Item)

	// Hasten makes all events that wait for a retry due at once.
	Hasten()

	// Has reports whether an event with the key waits or is in flight, on any node. If that
	// cannot be found out before ctx is done, it returns true and an error.
	Has(ctx context.Context, key string) (bool, error)

	// SetLimits changes the limits of the store. Zero values mean the defaults.
	SetLimits(Limits)

	// Counts returns how much of what the store holds belongs to this node: the sum over all
	// nodes is what the store holds. It does not wait for anything.
	Counts() Counts

	// Totals returns how much the store holds, on all nodes. Spooled is that of this node.
	Totals(ctx context.Context) (Counts, error)

	// Dead lists dead letters in the order in which they were buried, at most limit
	// of them. The list begins after the letter with the cursor after, which may
	// have been removed since, or with the first letter if after is "". It returns an
	// error if after is not a cursor, or if the store cannot be read at present.
	Dead(after string, limit int) ([]Dead, error)

	// Events lists the events that a query chooses, oldest first: those that wait or are in
	// flight by their sequence numbers, then dead letters in the order in which they were
	// buried, then delivered ones in the order in which their deliveries ended.
	//
	// Somebody who reads page after page sees every event once that stays in its state
	// meanwhile. An event that goes on to another state may come a second time, but one that
	// is replayed may come only at its old place, which then is gone, or not at all.
	//
	// A query for [InFlight] lists what this node has in flight. What another one has in
	// flight counts as waiting. Errors: [ErrCursor], [ErrUnavailable], [ErrClosed], the error
	// of ctx, or why an event is unreadable.
	Events(ctx context.Context, q Query) (Page, error)

	// Replay makes the dead letters with these IDs, or all dead letters if no ID is
	// given, wait for delivery again. They become the newest events of their keys,
	// with the current time as the time of receipt and no attempts. It returns how
	// many it has replayed. Errors: [ErrNotFound], [ErrUnavailable], [ErrClosed].
	Replay(ids ...string) (int, error)

	// ReplayEntries does the same, in this order, with dead letters and delivered events,
	// which it gets as their cursors of [Store.Events]. It passes over those that have gone
	// on or are no longer kept. It replays some at a time, and each time all of these or
	// none. It returns how many it has replayed, also if there is an error: [ErrCursor],
	// [ErrFull] if there is no room for more events, [ErrUnavailable], [ErrClosed], or that
	// of ctx.
	ReplayEntries(ctx context.Context, cursors ...string) (int, error)

	// Drop deletes the dead letters with these IDs, or all dead letters if no ID is
	// given. It returns how many it has deleted. Errors: as for Replay.
	Drop(ids ...string) (int, error)

	// Close waits until the store has written what it is writing, and closes it. Events
	// that are still in flight wait again when the store is opened the next time.
	Close() error
}

// Shared is what a [Store] implements besides if several nodes can share its queue.
type Shared interface {
	// Node returns the state of this node. It does not wait for anything.
	Node() Node
}

// Rester is what a [Shared] store may implement besides.
type Rester interface {
	// Rest says whether this node takes no events for now, so that other nodes are to deliver all of
	// them. Events can be put nevertheless. It does not wait for anything.
	Rest(resting bool)
}

// Node is the state of a node that shares a queue with others.
type Node struct {
	ID         string // names the node to operators
	Partitions int    // how many parts of the queue the node delivers at present
	Nodes      int    // how many nodes share the queue, as far as this one knows, itself included
	Up         bool   // whether the node can reach the place where the events are kept
}
