package inspector

import (
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/advice"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// advise says what to do about the event of a page.
func advise(v *view) {
	switch {
	case len(v.Events) > 0:
		v.say(adviceOnEvent(v, &v.Events[0]))
	case len(v.Callbacks) > 0:
		v.say(adviceOnCallback(&v.Callbacks[0]))
	default:
		v.say(advice.UnknownID())
	}
}

// say puts an advice on the page.
func (v *view) say(a advice.Advice) {
	v.Command = a.Command
	v.Advice = a.In(advice.Format{Language: advice.Language(v.Lang), Text: visible, Span: v.Span})
}

func adviceOnEvent(v *view, e *eventInfo) advice.Advice {
	var wait time.Duration
	if !e.Due.IsZero() {
		wait = e.Due.Sub(v.Now)
	}
	return advice.OnEvent(advice.Event{Queue: e.Queue, ID: e.ID, State: queue.State(e.State), Attempts: e.Attempts, LastError: e.LastError, Wait: wait})
}

func adviceOnCallback(c *callbackInfo) advice.Advice {
	about := advice.Callback{Result: c.Result, Undecided: c.Undecided, Duplicate: c.Duplicate, Queue: c.Queue}
	if d := c.Delivery; d != nil {
		about.State, about.LastError = d.State, d.LastError
	}
	return advice.OnCallback(about)
}
