package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

// serveReplay replays dead letters and delivered events. It goes on if the client hangs up.
func serveReplay(w http.ResponseWriter, r *http.Request, store queue.Store) error {
	if err := needMethod(r, http.MethodPost); err != nil {
		return err
	}
	var request adminapi.ReplayRequest
	if err := readBody(w, r, &request, `{"ids":[…]} or a filter such as {"state":"dead","since":"2h"}`); err != nil {
		return err
	}
	q, err := replayQuery(&request, time.Now())
	if err != nil {
		return apiError(http.StatusBadRequest, err)
	}
	ctx := context.WithoutCancel(r.Context())
	chosen, err := choose(ctx, store, q)
	if err != nil {
		return storeError(err)
	}
	if len(q.IDs) > 0 {
		if err := checkFound(q.IDs, chosen); err != nil {
			return apiError(http.StatusNotFound, err)
		}
		slices.SortStableFunc(chosen, func(a, b choice) int { return a.received.Compare(b.received) })
	}
	result := adminapi.ReplayResult{Matched: len(chosen)}
	if request.DryRun || len(chosen) == 0 {
		return writeJSON(w, result)
	}
	cursors := make([]string, len(chosen))
	for i, c := range chosen {
		cursors[i] = c.cursor
	}
	if result.Replayed, err = store.ReplayEntries(ctx, cursors...); err != nil {
		return storeError(fmt.Errorf("%d of %d events were replayed: %w", result.Replayed, result.Matched, err))
	}
	return writeJSON(w, result)
}

// readBody reads the JSON object in the body of a request. want says what it must be.
func readBody(w http.ResponseWriter, r *http.Request, into any, want string) error {
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdminBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(into)
	if err == nil && decoder.Decode(&struct{}{}) != io.EOF {
		err = errors.New("something follows the JSON object")
	}
	if err != nil {
		return apiError(http.StatusBadRequest, fmt.Errorf("the body must be %s: %w", want, err))
	}
	return nil
}

// replayQuery returns the query for the events to replay.
func replayQuery(request *adminapi.ReplayRequest, now time.Time) (q queue.Query, err error) {
	if len(request.IDs) == 0 {
		if state := queue.State(request.State); state != queue.DeadLetter && state != queue.Delivered {
			return q, fmt.Errorf("without IDs the state must be %s or %s", queue.DeadLetter, queue.Delivered)
		}
	} else if request.Filter != (adminapi.Filter{}) {
		return q, errors.New("there must be either IDs or a filter, not both")
	}
	if err := checkCount(request.IDs); err != nil {
		return q, err
	}
	q, err = filterQuery(request.Filter, now)
	q.IDs, q.Limit = request.IDs, adminapi.MaxPage
	return q, err
}

// checkCount returns an error if there are too many IDs.
func checkCount(ids []string) error {
	if len(ids) > adminapi.MaxIDs {
		return fmt.Errorf("there are %d IDs, but a request may have at most %d: send several requests, or choose the events in another way", len(ids), adminapi.MaxIDs)
	}
	return nil
}

// choice is what is kept of an event that was chosen, since there may be very many.
type choice struct {
	id, cursor string
	received   time.Time
}

// choose returns the dead letters and delivered events that a query chooses when it is called: what is
// replayed after that, and dies again, is not replayed a second time.
func choose(ctx context.Context, store queue.Store, q queue.Query) (all []choice, err error) {
	byID := len(q.IDs) > 0
	for {
		page, err := store.Events(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, e := range page.Entries {
			if e.State != queue.DeadLetter && e.State != queue.Delivered {
				continue
			}
			c := choice{cursor: e.Cursor}
			if byID {
				c.id, c.received = e.ID, e.Received
			}
			all = append(all, c)
		}
		if q.After = page.Next; q.After == "" {
			return all, nil
		}
	}
}

// checkFound returns an error if an ID was not found.
func checkFound(ids []string, found []choice) error {
	known := make(map[string]bool, len(found))
	for _, c := range found {
		known[c.id] = true
	}
	for _, id := range ids {
		if !known[id] {
			return fmt.Errorf("no dead letter or delivered event has the ID %q", id)
		}
	}
	return nil
}
