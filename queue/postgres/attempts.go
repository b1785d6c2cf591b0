package postgres

import (
	"encoding/json"
	"fmt"
	"time"
	"unicode/utf8"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// attempts is the record of the attempts to deliver an event, in the column of that name.
type attempts struct {
	Attempts int        `json:"attempts"`
	Refusals int        `json:"refusals,omitempty"`
	First    *time.Time `json:"first,omitempty"`
	Last     *time.Time `json:"last,omitempty"`
	Error    string     `json:"error,omitempty"`
	Raw      []byte     `json:"error_bytes,omitempty"` // instead of Error, if that is not valid UTF-8
	History  []attempt  `json:"history,omitempty"`
}

// attempt is one attempt of a history.
type attempt struct {
	At     time.Time     `json:"at"`
	Took   time.Duration `json:"took"` // in nanoseconds
	Error  string        `json:"error,omitempty"`
	Answer string        `json:"answer,omitempty"`
}

// encodeAttempts returns nil if there was no attempt.
func encodeAttempts(item *queue.Item) *string {
	a := attempts{Attempts: item.Attempts, Refusals: item.Refusals}
	if utf8.ValidString(item.LastError) {
		a.Error = item.LastError
	} else {
		a.Raw = []byte(item.LastError)
	}
	if !item.First.IsZero() {
		a.First = &item.First
	}
	if !item.Last.IsZero() {
		a.Last = &item.Last
	}
	for _, h := range item.History {
		a.History = append(a.History, attempt(h))
	}
	if a.Attempts == 0 && a.Refusals == 0 && a.First == nil && a.Last == nil && item.LastError == "" {
		return nil
	}
	text, err := json.Marshal(a)
	if err != nil { // a year that RFC 3339 cannot express
		a.First, a.Last, a.History = nil, nil, nil
		text, _ = json.Marshal(a)
	}
	encoded := string(text)
	return &encoded
}

func decodeAttempts(text string, item *queue.Item) error {
	var a attempts
	if err := json.Unmarshal([]byte(text), &a); err != nil {
		return fmt.Errorf("event %d: the record of attempts is damaged: %w", item.Seq, err)
	}
	item.Attempts, item.Refusals, item.LastError = a.Attempts, a.Refusals, a.Error+string(a.Raw)
	for _, h := range a.History {
		item.History = append(item.History, queue.Attempt(h))
	}
	if a.First != nil {
		item.First = *a.First
	}
	if a.Last != nil {
		item.Last = *a.Last
	}
	return nil
}
