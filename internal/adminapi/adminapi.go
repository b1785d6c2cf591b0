// Package adminapi is what the admin API of queues and its client speak.
package adminapi

import (
	"encoding/json"
	"time"
)

// Base is the path of the list of queues, below which everything else is.
const Base = "/tim_callback/queues"

// DefaultPage is how many dead letters a page has where no limit is given.
const DefaultPage = 100

// Queue is the state of a queue.
type Queue struct {
	Name     string     `json:"name"`
	Store    string     `json:"store"`
	Waiting  int        `json:"waiting"`
	InFlight int        `json:"in_flight"`
	Dead     int        `json:"dead"`
	Oldest   *time.Time `json:"oldest,omitempty"` // when the oldest that waits or is in flight came in
}

// DeadLetter is an event that could not be delivered.
type DeadLetter struct {
	ID          string          `json:"id"`
	Subject     string          `json:"subject"`
	Type        string          `json:"type"`
	Attempts    int             `json:"attempts"`
	Received    time.Time       `json:"received"`
	LastAttempt time.Time       `json:"last_attempt"`
	LastError   string          `json:"last_error"`
	Event       json.RawMessage `json:"event"`  // as structured CloudEvents JSON
	Cursor      string          `json:"cursor"` // for the next page's `after`, as the ID is
}

// Selection names the dead letters to replay or drop: either IDs or all.
type Selection struct {
	IDs []string `json:"ids,omitempty"`
	All bool     `json:"all,omitempty"`
}

// Change is what is done to dead letters: the last part of its path, and in the
// answer the name of how many there were.
type Change struct{ Path, Done string }

// The changes.
var (
	Replay = Change{Path: "replay", Done: "replayed"}
	Drop   = Change{Path: "drop", Done: "dropped"}
)
