package admin

import (
	"errors"
	"net/http"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

var errForgets = errors.New("no callbacks are remembered: the configuration has no tim_callback, or it has the option recent 0")

// serveRecent lists the last callbacks, newest first.
func (a *API) serveRecent(w http.ResponseWriter, r *http.Request) error {
	q, err := readRecentQuery(r)
	if err != nil {
		return err
	}
	if oldest := recent.Process.Oldest(); !oldest.IsZero() {
		w.Header().Set(adminapi.HeaderOldest, oldest.UTC().Format(time.RFC3339Nano))
	}
	page := []adminapi.Callback{}
	if q.after.run == "" || q.after.run == recent.Run && q.after.seq > 0 { // nothing is left of another process
		for _, e := range recent.Process.Before(q.after.seq, &q.filter, q.limit) {
			page = append(page, wireCallback(&e))
		}
	}
	return writeJSON(w, page)
}

func readRecentQuery(r *http.Request) (recentQuery, error) {
	if err := needMethod(r, http.MethodGet); err != nil {
		return recentQuery{}, err
	}
	q, err := parseRecentQuery(r.URL.RawQuery, time.Now())
	if err != nil {
		return q, apiError(http.StatusBadRequest, err)
	}
	if !recent.Process.On() {
		return q, apiError(http.StatusNotFound, errForgets)
	}
	return q, nil
}

func wireCallback(e *recent.Entry) adminapi.Callback {
	c := adminapi.Callback{
		Cursor: cursorAt(e.Seq).String(), Seq: e.Seq, Time: e.Began.UTC(), SDKAppID: e.App, Command: e.Command, Subject: e.Subject,
		ID: e.EventID, ClientIP: e.ClientIP, Result: string(e.Result), Detail: e.Detail, Status: e.Status,
		TookMS: float64(e.Took.Microseconds()) / 1000, Queue: e.Queue, Duplicate: e.Duplicate, Undecided: e.Undecided,
	}
	if d := e.Delivery; d != nil {
		c.Delivery = &adminapi.RecentDelivery{
			State: string(d.State), Attempts: d.Attempts, LastError: d.LastError, LastAttempt: optional(d.Last), NextAttempt: optional(d.Next),
		}
	}
	return c
}
