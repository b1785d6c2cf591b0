package admin

import (
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/lookup"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// searchTime is how long one request looks for events. After that the answer has those that were found
// until then, and where to go on.
const searchTime = 2 * time.Second

func serveEvents(w http.ResponseWriter, r *http.Request, store queue.Store) error {
	if err := needMethod(r, http.MethodGet); err != nil {
		return err
	}
	q, payload, err := eventsQuery(r.URL.RawQuery, time.Now())
	if err != nil {
		return apiError(http.StatusBadRequest, err)
	}
	page, err := lookup.Collect(r.Context(), store, q, searchTime)
	if err != nil {
		return storeError(err)
	}
	answer := adminapi.Events{Events: make([]adminapi.Event, len(page.Entries)), Next: page.Next}
	for i := range page.Entries {
		answer.Events[i] = eventInfo(&page.Entries[i], payload)
	}
	return writeJSON(w, answer)
}

// eventsParameters are the parameters of a request for events.
var eventsParameters = []string{"state", "subject", "command", "id", "since", "until", "limit", "after", "payload"}

// eventsQuery reads the parameters of a request for events.
func eventsQuery(rawQuery string, now time.Time) (q queue.Query, payload bool, err error) {
	values, err := url.ParseQuery(rawQuery)
	if err != nil {
		return q, false, err
	}
	for name, list := range values {
		if !slices.Contains(eventsParameters, name) {
			return q, false, fmt.Errorf("the parameter %q is unknown", name)
		}
		if len(list) > 1 {
			return q, false, fmt.Errorf("the parameter %s is set twice", name)
		}
	}
	f := adminapi.Filter{
		State: values.Get("state"), Subject: values.Get("subject"), Command: values.Get("command"), Since: values.Get("since"), Until: values.Get("until"),
	}
	if q, err = filterQuery(f, now); err != nil {
		return q, false, err
	}
	if q.Limit, err = pageLimit(values.Get("limit")); err != nil {
		return q, false, err
	}
	if id := values.Get("id"); id != "" {
		q.IDs = []string{id}
	}
	q.After = values.Get("after")
	if text := values.Get("payload"); text != "" {
		if payload, err = strconv.ParseBool(text); err != nil {
			return q, false, fmt.Errorf("payload %q is neither true nor false", text)
		}
	}
	return q, payload, nil
}

// pageLimit reads how many entries a page may have.
func pageLimit(text string) (int, error) {
	if text == "" {
		return adminapi.DefaultPage, nil
	}
	limit, err := strconv.Atoi(text)
	if err != nil || limit < 1 || limit > adminapi.MaxPage {
		return 0, fmt.Errorf("limit %q is not a number from 1 to %d", text, adminapi.MaxPage)
	}
	return limit, nil
}

// filterQuery returns the query for a filter.
func filterQuery(f adminapi.Filter, now time.Time) (q queue.Query, err error) {
	q.State = queue.State(f.State)
	if f.State != "" && !slices.Contains(queue.States(), q.State) {
		return q, fmt.Errorf("state %q is none of %v", f.State, queue.States())
	}
	for _, t := range []struct {
		name, text string
		at         *time.Time
	}{{"since", f.Since, &q.Since}, {"until", f.Until, &q.Until}} {
		if t.text == "" {
			continue
		}
		if *t.at, err = adminapi.ParseTime(t.text, now); err != nil {
			return q, fmt.Errorf("%s %q: %w", t.name, t.text, err)
		}
	}
	if !q.Since.IsZero() && !q.Until.IsZero() && !q.Since.Before(q.Until) {
		return q, errors.New("since is not before until")
	}
	q.Match, err = lookup.Match(f.Subject, f.Command)
	return q, err
}
