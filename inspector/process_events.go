package inspector

import (
	"bytes"
	"context"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/backend"
	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// searchTime is how long one page looks for events. After that it has those that were found until then.
const searchTime = time.Second

// Events implements [source].
func (s processSource) Events(ctx context.Context, name string, wanted eventQuery) (eventPage, error) {
	store, err := findStore(name)
	if err != nil {
		return eventPage{}, err
	}
	q := queue.Query{State: queue.State(wanted.State), Since: wanted.Since, Until: wanted.Until, Match: match(wanted.Subject, wanted.Command), After: wanted.After, Limit: wanted.Limit}
	if wanted.ID != "" {
		q.IDs = []string{wanted.ID}
	}
	var all eventPage
	for deadline := time.Now().Add(searchTime); ; {
		page, err := store.Events(ctx, q)
		if err != nil {
			return eventPage{}, err
		}
		for n := range page.Entries {
			all.Events = append(all.Events, s.eventOf(name, &page.Entries[n], wanted.ID != ""))
		}
		all.Next, q.After = page.Next, page.Next
		q.Limit -= len(page.Entries)
		if q.After == "" || q.Limit <= 0 || time.Now().After(deadline) {
			return all, nil
		}
	}
}

// match returns a function that reports whether an event has a subject and a command, unless these are "".
func match(subject, command string) func(*queue.Item) bool {
	if subject == "" && command == "" {
		return nil
	}
	pattern := callback.Pattern(command)
	return func(item *queue.Item) bool {
		// most events are ruled out without being decoded: the subject stands in the body, as it is
		// unless something there is escaped
		if !bytes.Contains(item.Payload, []byte(subject)) && bytes.IndexByte(item.Payload, '\\') < 0 {
			return false
		}
		m, err := delivery.ParseMessage(item.Payload)
		if err != nil {
			return false
		}
		a, err := backend.ReadAttributes(m, item.ID)
		return err == nil && (subject == "" || a.Subject == subject) && (command == "" || pattern.Match(a.Command))
	}
}

// eventOf describes an event, with its payload if that is wanted and may be shown.
func (s processSource) eventOf(queueName string, e *queue.Entry, payload bool) eventInfo {
	info := eventInfo{
		Queue: queueName, State: string(e.State), ID: e.ID, Lane: e.Key, Received: e.Received, Due: e.Due, Last: e.Last, Ended: e.Ended,
		Attempts: e.Attempts, LastError: e.LastError,
	}
	for _, a := range e.History {
		attempt := attemptInfo{At: a.At, Took: a.Took, Error: a.Error}
		if s.payloads && s.masker.Empty() { // an answer may quote what is masked
			attempt.Answer = a.Answer
		}
		info.History = append(info.History, attempt)
	}
	m, err := delivery.ParseMessage(e.Payload)
	if err != nil {
		return info
	}
	stored, err := backend.ReadStored(m, e.ID, backend.Options{})
	if err != nil {
		return info
	}
	info.App, info.Command, info.Subject = stored.Attributes.SDKAppID, stored.Attributes.Command, stored.Attributes.Subject
	if s.payloads && payload {
		info.Payload = s.masked(m, stored.Body)
		info.Withheld = info.Payload == nil
	}
	return info
}

// masked returns a payload as it may be shown, or nil if it must not be shown.
func (s processSource) masked(m *delivery.Message, body []byte) []byte {
	if m.Prepared && !s.masker.Empty() {
		return nil // the body may be the original one, whose fields have other names
	}
	text, err := s.masker.JSON(body)
	if err != nil {
		return nil
	}
	return text
}
