// Package lookup finds stored events for people, and has of them what people may be shown.
package lookup

import (
	"bytes"
	"context"
	"fmt"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/backend"
	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/internal/redact"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// Collect reads pages of a store until there are as many events as the query wants, they have
// [queue.MaxPageBytes], or the time is up. It has then what was found until then, and where to go on.
func Collect(ctx context.Context, store queue.Store, q queue.Query, limit time.Duration) (all queue.Page, err error) {
	size := 0
	for deadline := time.Now().Add(limit); ; {
		page, err := store.Events(ctx, q)
		if err != nil {
			return queue.Page{}, err
		}
		for i := range page.Entries {
			size += len(page.Entries[i].Payload)
		}
		all.Entries, all.Next = append(all.Entries, page.Entries...), page.Next
		q.After = page.Next
		q.Limit -= len(page.Entries)
		if q.After == "" || q.Limit <= 0 || size >= queue.MaxPageBytes || time.Now().After(deadline) {
			return all, nil
		}
	}
}

// Match returns a function that reports whether an event has a subject and a command, unless these are
// "". The command may also be a family. It returns nil if all events match.
func Match(subject, command string) (func(*queue.Item) bool, error) {
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
		a, err := Attributes(item)
		return err == nil && (subject == "" || a.Subject == subject) && (command == "" || pattern.Match(a.Command))
	}, nil
}

// Attributes returns the attributes of a stored event.
func Attributes(item *queue.Item) (callback.Attributes, error) {
	m, err := delivery.ParseMessage(item.Payload)
	if err != nil {
		return callback.Attributes{}, err
	}
	return backend.ReadAttributes(m, item.ID)
}

// Payload returns the attributes of a stored event and its body, in which is masked what the configuration
// says. The body is nil if it must not be shown: nobody knows where in it is what must be masked.
func Payload(item *queue.Item) (callback.Attributes, []byte, error) {
	m, err := delivery.ParseMessage(item.Payload)
	if err != nil {
		return callback.Attributes{}, nil, err
	}
	stored, err := backend.ReadStored(m, item.ID, backend.Options{})
	if err != nil {
		return callback.Attributes{}, nil, err
	}
	masker := redact.Current()
	if m.Prepared && !masker.Empty() {
		return stored.Attributes, nil, nil // the body may be the original one, whose fields have other names
	}
	body, err := masker.JSON(stored.Body)
	if err != nil {
		return stored.Attributes, nil, nil
	}
	return stored.Attributes, body, nil
}

// ShowsAnswers reports whether answers of backends may be shown where payloads are: they may quote what is
// masked.
func ShowsAnswers() bool { return redact.Current().Empty() }
