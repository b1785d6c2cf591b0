package backend

import (
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/internal/event"
)

// Options say what a backend gets of a callback.
type Options struct {
	Original bool              // the body that Tencent has sent, rather than the normalized one
	Secrets  []callback.Secret // sign the request, if there are any
}

// Prepare turns r, in place, into the request that the backend gets of an event: with
// its headers, and with the body, which must be the one that [Options.Body] returned.
func (o Options) Prepare(r *http.Request, a callback.Attributes, body []byte) {
	a.SetHeaders(r.Header)
	if !o.Original {
		r.Header.Set("Content-Type", "application/json")
	}
	r.Header.Del("Content-Encoding") // the body was read as plain JSON
	if len(o.Secrets) > 0 {
		callback.SignWebhook(r.Header, a.ID, time.Now(), body, o.Secrets...)
	}
	SetBody(r, body)
}

// Body returns the body that the backend gets of an event.
func (o Options) Body(e *event.Event) []byte {
	if o.Original {
		return e.Received()
	}
	received := e.Received()
	return e.AppendJSON(make([]byte, 0, len(received)+256))
}

// Stored is an event from a queue.
type Stored struct {
	Attributes  callback.Attributes
	FromAccount string
	Body        []byte      // that the backend gets
	Header      http.Header // that the request has already
}

// ReadStored reads the event of a message that was stored under an ID.
func ReadStored(m *delivery.Message, id string, o Options) (Stored, error) {
	if m.Prepared {
		a := callback.ParseHeaders(m.Header)
		return Stored{a, a.Subject, m.Body, m.Header}, nil
	}
	e, err := decode(m, id)
	if err != nil {
		return Stored{}, err
	}
	return Stored{e.Attributes(), e.FromAccount(), o.Body(&e), m.Header}, nil
}

// ReadAttributes is like [ReadStored] for somebody who needs only the attributes.
func ReadAttributes(m *delivery.Message, id string) (callback.Attributes, error) {
	if m.Prepared {
		return callback.ParseHeaders(m.Header), nil
	}
	e, err := decode(m, id)
	if err != nil {
		return callback.Attributes{}, err
	}
	return e.Attributes(), nil
}

// decode decodes a message that is as it was received.
func decode(m *delivery.Message, id string) (event.Event, error) {
	target, err := url.ParseRequestURI(m.URI)
	if err != nil {
		return event.Event{}, err
	}
	query, err := callback.ParseQuery(target.RawQuery)
	if err != nil {
		return event.Event{}, fmt.Errorf("its query: %w", err)
	}
	e, err := event.Decode(&query, target.RawQuery, m.Body)
	if err != nil {
		return event.Event{}, err
	}
	return e.WithID(id), nil
}
