package queue

import (
	"cmp"
	"errors"
	"time"
)

// State says what has become of an event.
type State string

// These are all values of a [State].
const (
	Waiting    State = "waiting"   // it waits to be taken
	InFlight   State = "in_flight" // it was taken and its delivery has not ended; on another node it may count as waiting
	DeadLetter State = "dead"      // it is not delivered any more
	Delivered  State = "delivered" // it was delivered, and is kept for the time [Limits.Retain]
)

// States returns all values of a [State], in the order in which [Store.Events] lists them.
func States() []State { return []State{Waiting, InFlight, DeadLetter, Delivered} }

// ErrCursor means that a text is not a cursor of [Store.Events].
var ErrCursor = errors.New("this is not the cursor of an event")

// Query says which events [Store.Events] lists. Zero values choose all events.
type Query struct {
	State State
	IDs   []string  // those with one of these IDs
	Since time.Time // those that were received then or later
	Until time.Time // those that were received earlier

	// Match chooses events by what the store does not interpret. It must be fast and must
	// not keep the item or its payload, which is valid only until it returns.
	Match func(*Item) bool

	After string // the list begins after this cursor
	Limit int    // how many entries a page has at most; default: 100

	// Look is how many events one call looks at, at most, while it searches for some that
	// are chosen. Default: 10,000.
	Look int
}

// The defaults of a [Query].
const (
	DefaultPage = 100
	DefaultLook = 10_000
)

// MaxPageBytes is the size of payloads from which on a page takes no more entries.
const MaxPageBytes = 8 << 20

// WithDefaults returns a copy of the query in which defaults replace zero values.
func (q Query) WithDefaults() Query {
	q.Limit, q.Look = cmp.Or(q.Limit, DefaultPage), cmp.Or(q.Look, DefaultLook)
	return q
}

// Chooses reports whether the query chooses an event, apart from its state and its ID.
func (q *Query) Chooses(item *Item) bool {
	return (q.Since.IsZero() || !item.Received.Before(q.Since)) && (q.Until.IsZero() || item.Received.Before(q.Until)) &&
		(q.Match == nil || q.Match(item))
}

// Wants reports whether the query chooses events in a state.
func (q *Query) Wants(state State) bool { return q.State == "" || q.State == state }

// Page is a part of the list of events.
type Page struct {
	Entries []Entry

	// Next is the cursor after which the next page begins. A page may have fewer entries than
	// the limit, or none, although there are more. "" means that this is the last page.
	Next string
}

// Entry is an event in a list.
type Entry struct {
	Item
	State State

	// Due is when the next attempt is due. Zero means that it is due at once, or as soon as the
	// events before it with the same key have been delivered, or that there will be none.
	Due time.Time

	Ended  time.Time // when it was delivered; zero if it was not
	Cursor string    // its place in the list
}
