package inspector

import (
	"context"
	"net/http"
	"strings"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/advice"
)

const (
	rowsPerPage  = 100
	rowsInStory  = 20
	rowsInSearch = 50

	// askTimeout is how long a page waits for queues, of which some may be on other machines.
	askTimeout = 3 * time.Second
)

// overview shows the queues, how many callbacks came, and the last few of them.
func (i *Inspector) overview(v *view, r *http.Request) (string, int) {
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	v.Queues = i.source.Queues(ctx)
	if v.Remembers {
		v.Chart = newChart(v, i.source)
		v.Callbacks = i.source.Callbacks(new(filter), 0, 10)
	}
	return "overview", http.StatusOK
}

// recent lists the last callbacks.
func (i *Inspector) recent(v *view, _ *http.Request) (string, int) {
	if len(v.Errs) > 0 {
		return "recent", http.StatusBadRequest
	}
	last := i.source.Last() // before the list, so that the stream does not miss any
	v.Callbacks = i.source.Callbacks(&v.filter, v.Before, rowsPerPage+1)
	if len(v.Callbacks) > rowsPerPage {
		v.Callbacks = v.Callbacks[:rowsPerPage]
		v.More = v.with(pageRecent, paramBefore, v.Callbacks[rowsPerPage-1].Seq)
	}
	if v.Before == 0 && v.Remembers {
		v.Live = v.with(pageStream, paramAfter, last)
	}
	return "recent", http.StatusOK
}

// callback tells the story of one callback, of which there is no event.
func (i *Inspector) callback(v *view, _ *http.Request) (string, int) {
	if v.Seq > 0 {
		v.Callbacks = i.source.Callbacks(new(filter), v.Seq+1, 1)
	}
	if len(v.Callbacks) == 0 || v.Callbacks[0].Seq != v.Seq {
		v.Callbacks = nil
		return "gone", http.StatusNotFound
	}
	v.say(adviceOnCallback(&v.Callbacks[0]))
	return "callback", http.StatusOK
}

// event tells the story of an event.
func (i *Inspector) event(v *view, r *http.Request) (string, int) {
	if v.ID == "" {
		v.Redirect = v.link(pageOverview)
		return "", 0
	}
	for _, c := range i.source.Callbacks(&filter{ID: v.ID}, 0, rowsInStory) {
		if c.ID == v.ID {
			v.Callbacks = append(v.Callbacks, c)
		}
	}
	i.findEvents(v, r, eventQuery{ID: v.ID, Limit: 1})
	advise(v)
	if len(v.Callbacks)+len(v.Events) == 0 {
		return "event", http.StatusNotFound
	}
	return "event", http.StatusOK
}

// findEvents looks for events in all queues, or in the one that the request names.
func (i *Inspector) findEvents(v *view, r *http.Request, q eventQuery) {
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	for _, info := range i.source.Queues(ctx) {
		if v.Queue != "" && v.Queue != info.Name {
			continue
		}
		page, err := i.source.Events(ctx, info.Name, q)
		if err != nil {
			v.Problems = append(v.Problems, info.Name+": "+err.Error())
			continue
		}
		v.Events = append(v.Events, page.Events...)
		if page.Next != "" && q.ID == "" {
			v.More = v.link(pageQueue, paramQueue, info.Name, paramSubject, q.Subject)
		}
	}
}

// queue lists events of a queue.
func (i *Inspector) queue(v *view, r *http.Request) (string, int) {
	ctx, cancel := context.WithTimeout(r.Context(), askTimeout)
	defer cancel()
	for _, info := range i.source.Queues(ctx) {
		if info.Name == v.Queue {
			v.Queues = append(v.Queues, info)
		}
	}
	switch {
	case len(v.Queues) == 0:
		return "gone", http.StatusNotFound
	case len(v.Errs) > 0:
		return "queue", http.StatusBadRequest
	}
	page, err := i.source.Events(ctx, v.Queue, eventQuery{
		State: v.State, ID: v.ID, Subject: v.Subject, Command: v.filter.Command, Since: v.Since, Until: v.Until, After: v.After, Limit: rowsPerPage,
	})
	if err != nil {
		v.Problems = append(v.Problems, err.Error())
		return "queue", http.StatusServiceUnavailable
	}
	v.Events = page.Events
	if page.Next != "" {
		v.More = v.with(pageQueue, paramAfter, page.Next)
	}
	if v.State == stateDead && len(v.Events) > 0 && v.Subject+v.filter.Command+v.ID == "" && v.Since.IsZero() && v.Until.IsZero() {
		v.Command = "caddy tim-callback queue replay --queue " + v.Queue + " --all"
	}
	return "queue", http.StatusOK
}

// search finds what a user, a group or an event ID stands for.
func (i *Inspector) search(v *view, r *http.Request) (string, int) {
	switch {
	case v.Q == "":
		v.Redirect = v.link(pageOverview)
		return "", 0
	case isID(v.Q):
		v.Redirect = v.link(pageEvent, paramID, strings.ToLower(v.Q))
		return "", 0
	}
	v.Callbacks = i.source.Callbacks(&filter{Subject: v.Q}, 0, rowsInSearch)
	if begin := strings.ToLower(v.Q); len(begin) >= 6 && callback.IsPartOfID(begin) {
		v.Callbacks = append(v.Callbacks, i.source.Callbacks(&filter{ID: begin}, 0, rowsInSearch)...)
	}
	i.findEvents(v, r, eventQuery{Subject: v.Q, Limit: rowsInSearch})
	if len(v.Callbacks)+len(v.Events) == 0 {
		v.say(advice.Never())
	}
	return "search", http.StatusOK
}

// isID reports whether a text looks like the ID of an event.
func isID(s string) bool { return len(s) == 32 && callback.IsPartOfID(strings.ToLower(s)) }
