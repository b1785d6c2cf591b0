// Package event reads the body of a callback of any command, and tells what becomes of
// it: the body and the attributes that a backend gets, its ID, and its lane.
package event

import (
	"strconv"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// Event is a callback whose body has been read.
type Event struct {
	query   *callback.Query
	profile *profile.Event // of the profile command
	scan    *callback.Scan // of all others
	body    string         // as it was received
	request string         // the RequestId of the URL, if the body does not tell it from others
	id      string         // once it was asked for, or when it was stored
}

// Decode reads the body of a callback. rawQuery is the query of its URL, of which q was
// made; q must have been verified, and must not change any more. Errors are
// [*callback.Error].
func Decode(q *callback.Query, rawQuery string, body []byte) (Event, error) {
	e := Event{query: q}
	unique := false
	if q.Command == profile.Command {
		p, err := profile.Decode(*q, body)
		if err != nil {
			return Event{}, err
		}
		e.profile, e.body, unique = p, p.Body(), !p.EventTime.IsZero() && p.EventTime.UnixMilli() != 0
	} else {
		s, err := callback.ScanBody(*q, body)
		if err != nil {
			return Event{}, err
		}
		e.scan, e.body, unique = s, s.Body, s.Unique
	}
	if !unique {
		if e.request = callback.RequestID(rawQuery); e.request == "" {
			e.id = callback.RandomID()
		}
	}
	return e, nil
}

// WithID returns the event with the ID under which it was stored.
func (e Event) WithID(id string) Event {
	e.id = id
	return e
}

// ID returns the event's ID. It is the same whenever the same callback is sent again,
// unless nothing in the callback tells it from another one with the same words: then it
// is random. The first call must not be made by two goroutines at once.
func (e *Event) ID() string {
	if e.id == "" {
		e.id = callback.EventID(e.query.SDKAppID, e.query.Command, e.request, e.body)
	}
	return e.id
}

// AppendID appends the event's ID to dst. Unlike ID, it does not keep the ID, and so allocates
// nothing.
func (e *Event) AppendID(dst []byte) []byte {
	if e.id != "" {
		return append(dst, e.id...)
	}
	return callback.AppendEventID(dst, e.query.SDKAppID, e.query.Command, e.request, e.body)
}

// Received returns a copy of the body as it was received.
func (e *Event) Received() []byte { return []byte(e.body) }

// Subject returns whose event it is; "" if the callback does not tell.
func (e *Event) Subject() string {
	if e.profile != nil {
		return e.profile.FromAccount
	}
	return e.scan.Subject
}

// FromAccount returns the From_Account of the body; "" without one.
func (e *Event) FromAccount() string {
	if e.profile != nil {
		return e.profile.FromAccount
	}
	return e.scan.FromAccount
}

// Operator returns the UserID of who caused the event; "" if the callback does not tell.
func (e *Event) Operator() string {
	if e.profile != nil {
		return e.profile.OperatorAccount
	}
	return e.scan.Operator
}

// Changed returns the names of the changed fields of a profile.
func (e *Event) Changed() []string {
	if e.profile != nil {
		return e.profile.Changed()
	}
	return nil
}

// Lane returns the key of the events among which order is kept.
func (e *Event) Lane() string {
	if e.profile != nil {
		return callback.LaneKey(e.query.SDKAppID, callback.LaneAccount, e.profile.FromAccount)
	}
	return e.scan.Lane
}

// IsProfile reports whether the event is of the profile command.
func (e *Event) IsProfile() bool { return e.profile != nil }

// Neutral returns the answer that a policy gives to a decision, see [callback.Neutral].
func (e *Event) Neutral(p callback.Policy) (answer []byte, ok bool) {
	if e.scan == nil {
		return nil, false // the profile command asks for no decision
	}
	c, _ := callback.Lookup(e.query.Command)
	return callback.Neutral(p, c, e.scan)
}

// Attributes returns the event's CloudEvents attributes.
func (e *Event) Attributes() callback.Attributes {
	if e.profile != nil {
		a := e.profile.Attributes()
		a.ID = e.ID()
		return a
	}
	return callback.Attributes{
		ID:           e.ID(),
		SDKAppID:     e.query.SDKAppID,
		Command:      e.query.Command,
		Subject:      e.scan.Subject,
		Time:         callback.FormatTime(e.scan.EventTime),
		PartitionKey: e.scan.Lane,
		Operator:     e.scan.Operator,
		Platform:     callback.PlatformName(e.query.OptPlatform),
		ClientIP:     callback.CanonicalIP(e.query.ClientIP),
	}
}

// AppendJSON appends the normalized body to dst.
func (e *Event) AppendJSON(dst []byte) []byte {
	if e.profile != nil {
		return e.profile.AppendJSON(dst)
	}
	app, _ := strconv.ParseUint(e.query.SDKAppID, 10, 64) // verified
	envelope := callback.Envelope{
		SDKAppID:  app,
		Command:   e.query.Command,
		EventTime: e.scan.EventTime,
		Platform:  callback.PlatformName(e.query.OptPlatform),
		ClientIP:  callback.CanonicalIP(e.query.ClientIP),
		Subject:   e.scan.Subject,
		Data:      []byte(e.scan.Data),
	}
	return envelope.AppendJSON(dst)
}
