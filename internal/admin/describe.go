package admin

import (
	"encoding/json"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/lookup"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

func deadLetter(d *queue.Dead) adminapi.DeadLetter {
	letter := adminapi.DeadLetter{
		ID: d.ID, Attempts: d.Attempts, Received: d.Received.UTC(), LastAttempt: d.Last.UTC(), LastError: d.LastError, Cursor: d.Cursor,
	}
	letter.Subject, letter.Type, letter.Event = describe(&d.Item)
	return letter
}

// describe reads a stored event. It returns its CloudEvents subject and type, and the event in CloudEvents'
// JSON format, with what the configuration masks, which is null if it cannot be read or masked.
func describe(item *queue.Item) (subject, kind string, event json.RawMessage) {
	event = json.RawMessage("null")
	a, body, err := lookup.Payload(item)
	if err != nil {
		return "", "", event
	}
	if body != nil {
		if text, err := a.Structured(body); err == nil {
			event = text
		}
	}
	return a.Subject, a.Type(), event
}

// eventInfo describes an entry of a list. What may quote the payload is only in it if payload is set.
func eventInfo(e *queue.Entry, payload bool) adminapi.Event {
	info := adminapi.Event{
		ID: e.ID, State: string(e.State), Attempts: e.Attempts, Received: e.Received.UTC(), LastAttempt: optional(e.Last),
		LastError: e.LastError, NextAttempt: optional(e.Due), Delivered: optional(e.Ended), Cursor: e.Cursor,
	}
	for _, a := range e.History {
		attempt := adminapi.Attempt{At: a.At.UTC(), Took: a.Took.Round(time.Microsecond).Seconds(), Error: a.Error}
		if payload && lookup.ShowsAnswers() {
			attempt.Answer = a.Answer
		}
		info.History = append(info.History, attempt)
	}
	if payload {
		info.Subject, info.Type, info.Event = describe(&e.Item)
		return info
	}
	if a, err := lookup.Attributes(&e.Item); err == nil {
		info.Subject, info.Type = a.Subject, a.Type()
	}
	return info
}

func optional(at time.Time) *time.Time {
	if at.IsZero() {
		return nil
	}
	at = at.UTC()
	return &at
}
