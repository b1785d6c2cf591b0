package inspector

import (
	"context"
	"time"
)

// source is where the page gets from what it shows.
type source interface {
	// Remembers reports whether the last callbacks are remembered.
	Remembers() bool

	// Callbacks returns at most limit callbacks, newest first, whose number is below before, or
	// the newest ones if before is 0.
	Callbacks(f *filter, before uint64, limit int) []callbackInfo

	// Last returns the number of the newest callback.
	Last() uint64

	// Next returns callbacks after the one with a number, oldest first, the number up to which it
	// has looked, and how many are not remembered any more.
	Next(after uint64, f *filter) (found []callbackInfo, upTo, lost uint64)

	// Watch returns a channel that receives a value after callbacks were added.
	Watch() (news <-chan struct{}, stop func())

	// Queues returns the queues in the order of their names.
	Queues(ctx context.Context) []queueInfo

	// Events lists events of a queue.
	Events(ctx context.Context, queue string, q eventQuery) (eventPage, error)
}

// callbackInfo is a callback that was answered.
type callbackInfo struct {
	Seq       uint64
	Time      time.Time
	Took      time.Duration
	App       string
	Command   string
	Subject   string
	ID        string // of the event; "" if the request was refused or passed on
	ClientIP  string
	Result    string
	Detail    string
	Status    int
	Queue     string // that was asked to store it; "" if none was
	Duplicate bool
	Undecided bool
	Delivery  *deliveryInfo // nil if nothing is known about it
}

// deliveryInfo is what became of a stored callback.
type deliveryInfo struct {
	State     string // waiting, retried, delivered or dead
	Attempts  int
	LastError string
	Last      time.Time
	Next      time.Time
}

// queueInfo is the state of a queue.
type queueInfo struct {
	Name, Store                      string
	Waiting, InFlight, Dead, Spooled int
	Bytes, MaxBytes                  int64
	Oldest                           time.Time
	Error                            string    // why the counts are only those of this node
	DownSince                        time.Time // when the backend went down; zero if it takes events
	Node                             *nodeInfo // nil if the queue cannot be shared
}

// nodeInfo is the state of this node.
type nodeInfo struct {
	ID                string
	Partitions, Nodes int
	Up                bool
}

// The states of events in a queue.
const (
	stateWaiting   = "waiting"
	stateInFlight  = "in_flight"
	stateDead      = "dead"
	stateDelivered = "delivered"
	stateRetried   = "retried" // only of a deliveryInfo
)

var queueStates = []string{stateWaiting, stateInFlight, stateDead, stateDelivered}

// eventQuery says which events are listed. Zero values are no condition.
type eventQuery struct {
	State   string
	ID      string
	Subject string
	Command string // a pattern
	Since   time.Time
	Until   time.Time
	After   string // a cursor
	Limit   int
}

// eventPage is a part of a list of events.
type eventPage struct {
	Events []eventInfo
	Next   string // the cursor of the next page; "" if there is none
}

// eventInfo is an event in a queue.
type eventInfo struct {
	Queue, State                    string
	ID, App, Command, Subject, Lane string
	Received, Due, Last, Ended      time.Time
	Attempts                        int
	LastError                       string
	History                         []attemptInfo

	Payload  []byte // the normalized body, masked; nil if it is not shown
	Withheld bool   // whether there is a payload that is not shown, since it cannot be masked
}

// attemptInfo is an attempt to deliver an event.
type attemptInfo struct {
	At     time.Time
	Took   time.Duration
	Error  string
	Answer string // how the backend's answer begins; "" if it is not shown
}
