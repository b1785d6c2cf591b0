package adminapi

import (
	"encoding/json"
	"errors"
	"iter"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Filter chooses events of a queue. What is empty chooses all.
type Filter struct {
	State   string `json:"state,omitempty"`   // "waiting", "in_flight", "dead" or "delivered"
	Subject string `json:"subject,omitempty"` // the CloudEvents subject
	Command string `json:"command,omitempty"` // a callback command, or a family such as Group.*
	Since   string `json:"since,omitempty"`   // received then or later; see [ParseTime]
	Until   string `json:"until,omitempty"`   // received earlier
}

// ParseTime parses a time as RFC 3339 has it, or as how long ago it was, such as 90s or 2h.
func ParseTime(text string, now time.Time) (time.Time, error) {
	if at, err := time.Parse(time.RFC3339Nano, text); err == nil {
		return at, nil
	}
	ago, err := time.ParseDuration(text)
	if err != nil || ago < 0 {
		return time.Time{}, errors.New("it is neither a time such as 2006-01-02T15:04:05Z nor how long ago that was, such as 2h")
	}
	return now.Add(-ago), nil
}

// Event is an event of a queue.
type Event struct {
	ID          string          `json:"id"`
	State       string          `json:"state"`   // as in a [Filter]
	Subject     string          `json:"subject"` // the CloudEvents subject
	Type        string          `json:"type"`    // the CloudEvents type
	Attempts    int             `json:"attempts"`
	Received    time.Time       `json:"received"` // or replayed
	LastAttempt *time.Time      `json:"last_attempt,omitempty"`
	LastError   string          `json:"last_error,omitempty"`
	NextAttempt *time.Time      `json:"next_attempt,omitempty"` // absent if the event is due, or waits for others
	Delivered   *time.Time      `json:"delivered,omitempty"`
	History     []Attempt       `json:"history,omitempty"` // the last attempts, the oldest one first
	Event       json.RawMessage `json:"event,omitempty"`   // with payloads: the event in CloudEvents' JSON format; null if it cannot be read
	Cursor      string          `json:"cursor"`            // as the parameter after, it requests the events that follow this one
}

// Attempt is an attempt to deliver an event.
type Attempt struct {
	At     time.Time `json:"at"`
	Took   float64   `json:"took"` // in seconds
	Error  string    `json:"error,omitempty"`
	Answer string    `json:"answer,omitempty"` // with payloads: how the backend's answer begins
}

// Events is a page of events.
type Events struct {
	Events []Event `json:"events"`

	// Next requests the next page, as the parameter after. It is absent from the last page. A
	// page may have fewer events than the limit, or none, although there are more.
	Next string `json:"next,omitempty"`
}

// Query says which events to list, and how.
type Query struct {
	Filter
	ID      string // only the event with this ID
	After   string // begin after the event with this cursor
	Limit   int    // end after so many events; 0: list all
	Payload bool   // with the events themselves
}

// Events yields events of a queue page by page, in the order of the store's list. It ends after an error.
func (c Client) Events(queue string, q Query) iter.Seq2[[]Event, error] {
	return func(yield func([]Event, error) bool) {
		for left := q.Limit; q.Limit == 0 || left > 0; {
			size := MaxPage
			if q.Limit != 0 {
				size = min(size, left)
			}
			var page Events
			if err := c.ask(http.MethodGet, eventsPath(queue)+"?"+q.values(size).Encode(), nil, &page); err != nil {
				yield(nil, err)
				return
			}
			if len(page.Events) > 0 && !yield(page.Events, nil) || page.Next == "" {
				return
			}
			left -= len(page.Events)
			q.After = page.Next
		}
	}
}

func (q *Query) values(size int) url.Values {
	values := url.Values{"limit": {strconv.Itoa(size)}}
	for name, value := range map[string]string{
		"state": q.State, "subject": q.Subject, "command": q.Command, "since": q.Since, "until": q.Until, "id": q.ID, "after": q.After,
	} {
		if value != "" {
			values.Set(name, value)
		}
	}
	if q.Payload {
		values.Set("payload", "true")
	}
	return values
}

func eventsPath(queue string) string { return Base + "/" + url.PathEscape(queue) + "/events" }
