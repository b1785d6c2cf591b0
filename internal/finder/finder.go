// Package finder asks the admin API of a running Caddy what became of the callbacks of a user, a group or
// an event, and tells it as stories.
package finder

import (
	"net/url"
	"slices"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/advice"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

// Found is all that is known.
type Found struct {
	Stories []Story `json:"stories"`         // newest first
	Older   int     `json:"older,omitempty"` // how many more there are

	// Unnamed are the callbacks that Caddy remembers without knowing whom they are about: they were refused
	// or passed on before their body was read.
	Unnamed []Unnamed `json:"unnamed"`

	RememberedSince *time.Time `json:"remembered_since,omitempty"` // when the oldest callback arrived that Caddy remembers
	Forgets         bool       `json:"forgets,omitempty"`          // Caddy remembers no callbacks at all
	Truncated       bool       `json:"truncated,omitempty"`        // there are more callbacks than were looked at
	Problems        []string   `json:"problems,omitempty"`         // queues that cannot be read
}

// Options say how to find.
type Options struct {
	Since     string            // only callbacks and events since this time, RFC 3339; "" for all
	Limit     int               // how many stories to tell, the newest ones; 0: all
	Payload   bool              // with payloads, and with how backends have answered
	Searching func(what string) // is called before each request
	Advice    advice.Format     // how advice is written
	Command   string            // is added to commands that help, such as the flags that lead to this Caddy
}

// Find finds what matches: a user, group or other subject of exactly this name, and the event with this ID.
// At least six digits are enough of the ID of a callback that Caddy remembers.
func Find(client adminapi.Client, wanted string, o Options) (*Found, error) {
	s := search{client: client, options: o}
	if err := s.askRecent(wanted); err != nil {
		return nil, err
	}
	if err := s.askQueues(wanted); err != nil {
		return nil, err
	}
	s.found.Stories = s.stories(time.Now())
	if more := len(s.found.Stories) - o.Limit; o.Limit > 0 && more > 0 {
		s.found.Stories, s.found.Older = s.found.Stories[:o.Limit], more
	}
	s.found.Unnamed = s.unnamed()
	return &s.found, nil
}

// search is what was found until now.
type search struct {
	client    adminapi.Client
	options   Options
	callbacks []adminapi.Callback // newest first
	nameless  []adminapi.Callback // newest first
	events    []queued
	found     Found
}

// queued is an event in a queue.
type queued struct {
	queue string
	adminapi.Event
}

// askRecent asks for the last callbacks.
func (s *search) askRecent(wanted string) error {
	s.options.Searching("the last callbacks")
	queries := []url.Values{{"subject": {wanted}, "since": {s.options.Since}}}
	if id, ok := asID(wanted); ok {
		queries = append(queries, url.Values{"id": {id}, "since": {s.options.Since}})
	}
	seen := make(map[string]bool)
	for _, query := range queries {
		for page, err := range s.client.Recent(query) {
			if adminapi.IsNotFound(err) {
				s.found.Forgets = true
				return nil
			}
			if err != nil {
				return err
			}
			for _, c := range page {
				if !seen[c.Cursor] {
					seen[c.Cursor] = true
					s.callbacks = append(s.callbacks, c)
				}
			}
			if len(s.callbacks) >= mostCallbacks {
				s.found.Truncated = true
				break
			}
		}
	}
	page, oldest, err := s.client.RecentPage(url.Values{"result": {notOK()}, "since": {s.options.Since}}, "")
	if err != nil {
		return err
	}
	if !oldest.IsZero() {
		s.found.RememberedSince = &oldest
	}
	for _, c := range page {
		if c.Subject == "" {
			s.nameless = append(s.nameless, c)
		}
	}
	return nil
}

// mostCallbacks is about how many callbacks are looked at, the newest ones.
const mostCallbacks = 10_000

// asID reports whether a text may be the ID of an event or its beginning, and returns it as IDs are written.
func asID(text string) (string, bool) {
	id := strings.ToLower(text)
	return id, len(id) >= 6 && len(id) <= 32 && callback.IsPartOfID(id)
}

// notOK are all results but ok, as the admin API takes them.
func notOK() string {
	names := slices.DeleteFunc(recent.ResultNames(), func(name string) bool { return name == string(recent.OK) })
	return strings.Join(names, ",")
}

// askQueues asks for events of all queues. What cannot be read now is a problem, but no error.
func (s *search) askQueues(wanted string) error {
	queues, err := s.client.Queues()
	if err != nil {
		return err
	}
	for _, info := range queues {
		s.options.Searching("queue " + info.Name)
		queries := []adminapi.Query{{Filter: adminapi.Filter{Subject: wanted, Since: s.options.Since}}}
		if id, ok := asID(wanted); ok && len(id) == 32 {
			queries = append(queries, adminapi.Query{ID: id})
		}
		for _, c := range s.callbacks {
			if c.Subject != wanted && c.Queue == info.Name { // its ID was given in part
				queries = append(queries, adminapi.Query{ID: c.ID})
			}
		}
		if err := s.askQueue(info.Name, queries); err != nil {
			s.found.Problems = append(s.found.Problems, "queue "+info.Name+": "+err.Error())
		}
	}
	return nil
}

func (s *search) askQueue(name string, queries []adminapi.Query) error {
	seen := make(map[string]bool)
	for _, query := range queries {
		if seen[query.ID] {
			continue
		}
		query.Payload = s.options.Payload
		for page, err := range s.client.Events(name, query) {
			if err != nil {
				return err
			}
			for _, e := range page {
				if !seen[e.ID] {
					seen[e.ID] = true
					s.events = append(s.events, queued{name, e})
				}
			}
		}
	}
	return nil
}
