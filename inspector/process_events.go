package inspector

import (
	"context"
	"fmt"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/lookup"
	"github.com/d13c7061/caddy-tim-callback/internal/queues"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// searchTime is how long one page looks for events. After that it has those that were found until then.
const searchTime = time.Second

// Events implements [source].
func (s processSource) Events(ctx context.Context, name string, wanted eventQuery) (eventPage, error) {
	store, err := queues.Find(name)
	if err != nil {
		return eventPage{}, fmt.Errorf("the queue %s is not delivered from now", name)
	}
	q := queue.Query{State: queue.State(wanted.State), Since: wanted.Since, Until: wanted.Until, After: wanted.After, Limit: wanted.Limit}
	if q.Match, err = lookup.Match(wanted.Subject, wanted.Command); err != nil {
		return eventPage{}, err
	}
	if wanted.ID != "" {
		q.IDs = []string{wanted.ID}
	}
	page, err := lookup.Collect(ctx, store, q, searchTime)
	if err != nil {
		return eventPage{}, err
	}
	all := eventPage{Next: page.Next}
	for n := range page.Entries {
		all.Events = append(all.Events, s.eventOf(name, &page.Entries[n], wanted.ID != ""))
	}
	return all, nil
}

// eventOf describes an event, with its payload if that is wanted and may be shown.
func (s processSource) eventOf(queueName string, e *queue.Entry, payload bool) eventInfo {
	info := eventInfo{
		Queue: queueName, State: string(e.State), ID: e.ID, Lane: e.Key, Received: e.Received, Due: e.Due, Last: e.Last, Ended: e.Ended,
		Attempts: e.Attempts, LastError: e.LastError,
	}
	for _, a := range e.History {
		attempt := attemptInfo{At: a.At, Took: a.Took, Error: a.Error}
		if s.payloads && lookup.ShowsAnswers() {
			attempt.Answer = a.Answer
		}
		info.History = append(info.History, attempt)
	}
	var a callback.Attributes
	var err error
	if s.payloads && payload {
		a, info.Payload, err = lookup.Payload(&e.Item)
		info.Withheld = err == nil && info.Payload == nil
	} else {
		a, err = lookup.Attributes(&e.Item)
	}
	if err == nil {
		info.App, info.Command, info.Subject = a.SDKAppID, a.Command, a.Subject
	}
	return info
}
