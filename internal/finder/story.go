package finder

import (
	"slices"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/advice"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Story is what became of one event, or of one callback of which there is no event.
type Story struct {
	Time    time.Time `json:"time"`  // when the newest callback arrived or, if none is remembered, when the event was stored
	State   string    `json:"state"` // of the event, or else of the delivery; or how the callback was answered
	ID      string    `json:"id,omitempty"`
	Subject string    `json:"subject,omitempty"`
	Command string    `json:"command,omitempty"`
	Queue   string    `json:"queue,omitempty"` // that has the event, or was asked to store it

	Advice string `json:"advice"`        // what to do about it
	Run    string `json:"run,omitempty"` // the command that helps

	Event     *adminapi.Event     `json:"event,omitempty"`     // as the queue has it now; nil if no queue has it
	Callbacks []adminapi.Callback `json:"callbacks,omitempty"` // that brought it, newest first, as far as Caddy remembers them
}

// These are the states of a [Story] without an event, besides those of a delivery and the results of callbacks.
const (
	Undecided = "undecided" // nobody has decided in time
	Duplicate = "duplicate" // the queue knew the event already
	Stored    = "stored"    // the queue has stored it, and has it no more
)

// stories sorts what was found into stories, newest first.
func (s *search) stories(now time.Time) []Story {
	type key struct{ id, queue string }
	byEvent := make(map[key]int)
	stories := []Story{}
	for i := range s.events {
		e := &s.events[i]
		byEvent[key{e.ID, e.queue}] = len(stories)
		stories = append(stories, Story{
			Time: e.Received, ID: e.ID, Subject: e.Subject, Command: callback.CommandOf(e.Type), Queue: e.queue, Event: &e.Event,
		})
	}
	for _, c := range s.callbacks {
		at, known := byEvent[key{c.ID, c.Queue}]
		if !known || c.ID == "" {
			at = len(stories)
			byEvent[key{c.ID, c.Queue}] = at
			stories = append(stories, Story{Time: c.Time, ID: c.ID, Subject: c.Subject, Command: c.Command, Queue: c.Queue})
		}
		story := &stories[at]
		if c.Time.After(story.Time) || len(story.Callbacks) == 0 {
			story.Time = c.Time
		}
		story.Callbacks = append(story.Callbacks, c)
	}
	for i := range stories {
		s.judge(&stories[i], now)
	}
	slices.SortStableFunc(stories, func(a, b Story) int { return b.Time.Compare(a.Time) })
	return stories
}

// judge sets the state and the advice.
func (s *search) judge(story *Story, now time.Time) {
	var what advice.Advice
	if e := story.Event; e != nil {
		about := advice.Event{Queue: story.Queue, ID: e.ID, State: queue.State(e.State), Attempts: e.Attempts, LastError: e.LastError}
		if e.NextAttempt != nil {
			about.Wait = e.NextAttempt.Sub(now)
		}
		story.State, what = e.State, advice.OnEvent(about)
	} else {
		about := about(story.Callbacks)
		story.State, what = state(about), advice.OnCallback(about)
	}
	story.Advice = what.In(s.options.Advice)
	if what.Command != "" {
		story.Run = what.Command + s.options.Command
	}
}

// about sums up callbacks of which no queue has an event, newest first. One of them may tell of the
// delivery.
func about(callbacks []adminapi.Callback) advice.Callback {
	newest := &callbacks[0]
	sum := advice.Callback{Result: newest.Result, Undecided: newest.Undecided, Duplicate: newest.Duplicate, Queue: newest.Queue}
	for _, c := range callbacks {
		if c.Delivery != nil {
			sum.State, sum.LastError = c.Delivery.State, c.Delivery.LastError
			break
		}
	}
	return sum
}

func state(c advice.Callback) string {
	switch {
	case c.Undecided:
		return Undecided
	case c.Result != string(recent.OK):
		return c.Result
	case c.State == string(recent.Delivered), c.State == string(recent.Dead):
		return c.State
	case c.Duplicate:
		return Duplicate
	case c.Queue != "":
		return Stored
	}
	return c.Result
}

// Unnamed are callbacks with the same result of which it is not known whom they are about.
type Unnamed struct {
	Result string            `json:"result"`
	Count  int               `json:"count"`
	Last   adminapi.Callback `json:"last"`
	Advice string            `json:"advice"`
}

// unnamed sorts them by their results, the one with the newest callback first.
func (s *search) unnamed() []Unnamed {
	groups := []Unnamed{}
	byResult := make(map[string]int)
	for _, c := range s.nameless {
		at, known := byResult[c.Result]
		if !known {
			at = len(groups)
			byResult[c.Result] = at
			what := advice.OnCallback(advice.Callback{Result: c.Result})
			groups = append(groups, Unnamed{Result: c.Result, Last: c, Advice: what.In(s.options.Advice)})
		}
		groups[at].Count++
	}
	return groups
}
