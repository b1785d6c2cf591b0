// Package recent remembers the last callbacks that this process has answered, and what became of
// their deliveries. It keeps no values of a payload and nothing that authenticates a request, and it
// bounds every text, since strangers choose some of them.
package recent

import (
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// Result is the outcome of a request: one of these, or the [callback.Reason] for which it was
// refused. The set is closed; see [Results].
type Result string

// The results of requests that were not refused.
const (
	OK              Result = "ok"               // the callback was taken, or the backend has decided
	Passed          Result = "passed"           // another command, which the next handlers have answered
	UpstreamError   Result = "upstream_error"   // 502
	UpstreamTimeout Result = "upstream_timeout" // 504, or a 502 where another command missed the budget
	QueueError      Result = "queue_error"      // 503
)

// Results returns all results.
func Results() []Result {
	all := []Result{OK, Passed, UpstreamError, UpstreamTimeout, QueueError}
	for _, reason := range callback.Reasons() {
		all = append(all, Result(reason))
	}
	return all
}

// ResultNames returns the names of all results.
func ResultNames() (names []string) {
	for _, r := range Results() {
		names = append(names, string(r))
	}
	return names
}

// Callback is a callback that was answered. [Ring.Add] copies the texts that may share memory with
// the request: all but Result, Detail and Queue.
type Callback struct {
	Began     time.Time
	Took      time.Duration
	App       string // SDKAppID
	Command   string
	Subject   string
	ID        []byte // of the event; empty if the request was refused or passed on
	ClientIP  string // who has sent the request
	Result    Result
	Detail    string // what exactly is wrong with a refused request
	Status    int
	Queue     string // name of the queue that was asked to store the event; "" if none was
	Stored    bool   // whether the queue has stored it now
	Duplicate bool   // whether the queue knew it already
	Undecided bool   // whether nobody has decided in time
}

// State says what became of a stored event.
type State string

// These are all values of a [State].
const (
	Waiting   State = "waiting"   // no attempt has ended yet
	Retried   State = "retried"   // the last attempt failed, and there will be another one
	Delivered State = "delivered" // the backend has taken it
	Dead      State = "dead"      // it is a dead letter
)

// Delivery is what is known about the delivery of a stored event.
type Delivery struct {
	State     State
	Attempts  int
	LastError string    // why the last attempt failed
	Last      time.Time // when the last attempt ended; zero if none has
	Next      time.Time // when the next attempt is due; zero if none is planned yet
}

// Entry is a callback as it is remembered. Its texts are valid UTF-8.
type Entry struct {
	Seq uint64 // its number; the first callback of the process has 1, and no number is left out
	Callback
	EventID  string    // Callback.ID, which is nil here
	Delivery *Delivery // nil if it was not stored, or if nothing is known about it
}

// The number of callbacks that are remembered.
const (
	DefaultSize = 1000
	MaxSize     = 1_000_000
)
