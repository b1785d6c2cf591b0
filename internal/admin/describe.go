package admin

import (
	"bytes"
	"encoding/json"
	"fmt"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/backend"
	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
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
// JSON format, which is null if it cannot be read.
func describe(item *queue.Item) (subject, kind string, event json.RawMessage) {
	event = json.RawMessage("null")
	m, err := delivery.ParseMessage(item.Payload)
	if err != nil {
		return "", "", event
	}
	stored, err := backend.ReadStored(m, item.ID, backend.Options{})
	if err != nil {
		return "", "", event
	}
	if text, err := stored.Attributes.Structured(stored.Body); err == nil {
		event = text
	}
	return stored.Attributes.Subject, stored.Attributes.Type(), event
}

// eventInfo describes an entry of a list. What may quote the payload is only in it if payload is set.
func eventInfo(e *queue.Entry, payload bool) adminapi.Event {
	info := adminapi.Event{
		ID: e.ID, State: string(e.State), Attempts: e.Attempts, Received: e.Received.UTC(), LastAttempt: optional(e.Last),
		LastError: e.LastError, NextAttempt: optional(e.Due), Delivered: optional(e.Ended), Cursor: e.Cursor,
	}
	for _, a := range e.History {
		attempt := adminapi.Attempt{At: a.At.UTC(), Took: a.Took.Round(time.Microsecond).Seconds(), Error: a.Error}
		if payload {
			attempt.Answer = a.Answer
		}
		info.History = append(info.History, attempt)
	}
	if payload {
		info.Subject, info.Type, info.Event = describe(&e.Item)
		return info
	}
	if a, err := attributes(&e.Item); err == nil {
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

func attributes(item *queue.Item) (callback.Attributes, error) {
	m, err := delivery.ParseMessage(item.Payload)
	if err != nil {
		return callback.Attributes{}, err
	}
	return backend.ReadAttributes(m, item.ID)
}

// matcher returns a function that reports whether an event has a subject and a command, unless these are
// "". The command may also be a family.
func matcher(subject, command string) (func(*queue.Item) bool, error) {
	if subject == "" && command == "" {
		return nil, nil
	}
	pattern := callback.Pattern(command)
	if command != "" {
		if err := pattern.Check(); err != nil {
			return nil, fmt.Errorf("command %q: %w", command, err)
		}
	}
	return func(item *queue.Item) bool {
		// most events are ruled out without being decoded: the subject stands in the body, as it is
		// unless something there is escaped
		if !bytes.Contains(item.Payload, []byte(subject)) && bytes.IndexByte(item.Payload, '\\') < 0 {
			return false
		}
		a, err := attributes(item)
		return err == nil && (subject == "" || a.Subject == subject) && (command == "" || pattern.Match(a.Command))
	}, nil
}
