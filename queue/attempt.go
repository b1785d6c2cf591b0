package queue

import (
	"slices"
	"time"
)

// MaxHistory is how many attempts to deliver an event its record has at most.
const MaxHistory = 5

// Attempt is what is known of one attempt to deliver an event.
type Attempt struct {
	At     time.Time     // when it began
	Took   time.Duration // how long it took
	Error  string        // why it failed; "" if it did not; it has no secrets
	Answer string        // how what the backend answered begins; it may quote the payload
}

// Note adds an attempt to the history, and removes the oldest one if there are more than [MaxHistory].
// Copies of the item keep the history that they have.
func (i *Item) Note(a Attempt) {
	kept := i.History[max(len(i.History)-MaxHistory+1, 0):]
	i.History = append(slices.Clip(kept), a)
}
