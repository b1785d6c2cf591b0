package adminapi

import "time"

// Paths of the last callbacks.
const (
	Recent       = "/tim_callback/recent"
	RecentStream = Recent + "/stream"
)

// HeaderOldest is the header of a list of callbacks that says when the oldest one arrived that is
// remembered, also if the list leaves it out. It is absent if there is none.
const HeaderOldest = "Tim-Callback-Oldest"

// Heartbeat is how often a stream of callbacks has something, also if there is no callback.
const Heartbeat = 15 * time.Second

// EventLost is the name of the stream's events that say how many callbacks were left out, since they
// came faster than the client has read them. [Lost] is their data.
const EventLost = "lost"

// Callback is a callback that was answered. Texts are shortened to at most 128 bytes.
type Callback struct {
	// Cursor is the callback's place among all. As the parameter after it requests, in a list, those that
	// came before it and, of a stream, those that came after it. A restart of Caddy makes another beginning.
	Cursor    string          `json:"cursor"`
	Seq       uint64          `json:"seq"` // its number since Caddy was started; none is left out
	Time      time.Time       `json:"time"`
	SDKAppID  string          `json:"sdk_appid"`
	Command   string          `json:"command"`
	Subject   string          `json:"subject,omitempty"`
	ID        string          `json:"id,omitempty"` // of the event; empty if the request was refused or passed on
	ClientIP  string          `json:"client_ip"`    // who has sent the request
	Result    string          `json:"result"`
	Detail    string          `json:"detail,omitempty"` // what exactly is wrong with a refused request
	Status    int             `json:"status"`
	TookMS    float64         `json:"took_ms"`
	Queue     string          `json:"queue,omitempty"`     // the queue that was asked to store it
	Duplicate bool            `json:"duplicate,omitempty"` // the queue knew it already
	Undecided bool            `json:"undecided,omitempty"` // nobody has decided in time
	Delivery  *RecentDelivery `json:"delivery,omitempty"`  // nil if it was not stored, or if nothing is known about it
}

// RecentDelivery is what became of a stored callback, as far as this Caddy knows.
type RecentDelivery struct {
	State       string     `json:"state"` // waiting, retried, delivered or dead
	Attempts    int        `json:"attempts"`
	LastError   string     `json:"last_error,omitempty"`
	LastAttempt *time.Time `json:"last_attempt,omitempty"` // when it ended
	NextAttempt *time.Time `json:"next_attempt,omitempty"`
}

// Lost says how many callbacks a stream has left out, also those that no filter lets through.
type Lost struct {
	Lost uint64 `json:"lost"`
}
