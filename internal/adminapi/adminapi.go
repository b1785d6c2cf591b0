// Package adminapi defines the paths and the JSON of the admin API of queues, and has a
// client for it.
package adminapi

import (
	"encoding/json"
	"time"
)

// Base is the path of the list of queues. The paths of all other resources begin with it.
const Base = "/tim_callback/queues"

// DefaultPage is the number of entries in a page if a request sets no limit, and MaxPage the largest limit.
const (
	DefaultPage = 100
	MaxPage     = 1000
)

// Queue is the state of a queue. If several nodes share it, the counts are those of all of them.
type Queue struct {
	Name     string     `json:"name"`
	Store    string     `json:"store"`               // the kind of store, e.g. "file"
	Waiting  int        `json:"waiting"`             // events that wait for delivery
	InFlight int        `json:"in_flight"`           // events that are being delivered
	Dead     int        `json:"dead"`                // dead letters
	Bytes    int64      `json:"bytes,omitempty"`     // size of all events, including dead letters
	MaxBytes int64      `json:"max_bytes,omitempty"` // the limit of Bytes; 0 if there is none
	Oldest   *time.Time `json:"oldest,omitempty"`    // when the oldest event that waits or is in flight was received
	Spooled  int        `json:"spooled,omitempty"`   // events on this node's disk that the store has not taken yet; in no other count
	Error    string     `json:"error,omitempty"`     // why the counts are only those of this node
	Node     *Node      `json:"node,omitempty"`      // this node; nil if the queue cannot be shared
}

// Node is the state of the node that answers.
type Node struct {
	ID         string `json:"id"`
	Partitions int    `json:"partitions"` // how many parts of the queue it delivers
	Nodes      int    `json:"nodes"`      // how many nodes share the queue, itself included
	Up         bool   `json:"up"`         // whether it can reach the store
	Waiting    int    `json:"waiting"`    // events of its parts that wait for delivery
	InFlight   int    `json:"in_flight"`  // events that it delivers now
}

// DeadLetter is an event that could not be delivered.
type DeadLetter struct {
	ID          string          `json:"id"`
	Subject     string          `json:"subject"` // the CloudEvents subject
	Type        string          `json:"type"`    // the CloudEvents type
	Attempts    int             `json:"attempts"`
	Received    time.Time       `json:"received"`
	LastAttempt time.Time       `json:"last_attempt"`
	LastError   string          `json:"last_error"`
	Event       json.RawMessage `json:"event"`  // the event in CloudEvents' JSON format; null if it cannot be read
	Cursor      string          `json:"cursor"` // as the parameter after, it requests the dead letters that follow this one
}

// MaxIDs is the largest number of IDs in a [Selection].
const MaxIDs = 10_000

// Selection says which dead letters to replay or drop: either those with the IDs, or all.
type Selection struct {
	IDs []string `json:"ids,omitempty"`
	All bool     `json:"all,omitempty"`
}

// Change is an action on dead letters. Path is the last element of its path. Done is the
// name of the member of the response that has the number of dead letters it was done to.
type Change struct{ Path, Done string }

// These are all actions on dead letters.
var (
	Replay = Change{Path: "replay", Done: "replayed"}
	Drop   = Change{Path: "drop", Done: "dropped"}
)
