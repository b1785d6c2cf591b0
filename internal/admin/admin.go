// Package admin is the admin API of queues and of the last callbacks. Caddy's admin endpoint serves it.
package admin

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/metrics"
	"github.com/d13c7061/caddy-tim-callback/internal/queues"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

func init() {
	caddy.RegisterModule(API{})
}

// API serves the state of queues, their events and their dead letters, and the last callbacks:
//
//	GET  /tim_callback/queues
//	GET  /tim_callback/queues/{name}/events?state=&subject=&command=&id=&since=&until=&limit=100&after=<cursor>&payload=true
//	POST /tim_callback/queues/{name}/events/replay {"ids":[…]} or {"state":"dead|delivered","subject":…,"command":…,"since":…,"until":…}, "dry_run"
//	GET  /tim_callback/queues/{name}/dead?limit=100&after=<cursor>
//	POST /tim_callback/queues/{name}/dead/replay   {"ids":[…]} or {"all":true}
//	POST /tim_callback/queues/{name}/dead/drop     the same
//	GET  /tim_callback/recent?result=&command=&subject=&id=&since=&until=&limit=100&after=<cursor>
//	GET  /tim_callback/recent/stream               server-sent events, with the same parameters
//
// Caddy makes it before it provisions a configuration, so it looks queues up for every
// request.
type API struct {
	config   context.Context // of the configuration it was made for
	replaced context.Context // see replacedAfter
}

const maxAdminBody = 16 << 20

// CaddyModule returns the Caddy module information.
func (API) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.tim_callback",
		New: func() caddy.Module { return new(API) },
	}
}

// Provision notes which configuration it is for, and registers the metrics. Caddy's admin endpoint serves the metrics of the
// newest configuration, even if that failed before a handler was provisioned.
func (a *API) Provision(ctx caddy.Context) error {
	a.config, a.replaced = ctx.Context, replacedAfter(ctx.Context)
	return metrics.Register(ctx.GetMetricsRegistry())
}

// Routes returns the admin routes.
func (a *API) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: adminapi.Base, Handler: caddy.AdminHandlerFunc(a.serve)},
		{Pattern: adminapi.Base + "/", Handler: caddy.AdminHandlerFunc(a.serve)},
		{Pattern: adminapi.Recent, Handler: caddy.AdminHandlerFunc(a.serveRecent)},
		{Pattern: adminapi.RecentStream, Handler: caddy.AdminHandlerFunc(a.serveRecentStream)},
	}
}

func (a *API) serve(w http.ResponseWriter, r *http.Request) error {
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, adminapi.Base), "/")
	if path == "" {
		if err := needMethod(r, http.MethodGet); err != nil {
			return err
		}
		return writeJSON(w, queueInfos(r.Context()))
	}
	name, action, _ := strings.Cut(path, "/")
	store, err := queues.Find(name)
	if err != nil {
		return apiError(http.StatusNotFound, err)
	}
	switch action {
	case "dead":
		return serveDead(w, r, store)
	case "events":
		return serveEvents(w, r, store)
	case "events/" + adminapi.Replay.Path:
		return serveReplay(w, r, store)
	case "dead/" + adminapi.Replay.Path:
		return serveChange(w, r, adminapi.Replay, store.Replay)
	case "dead/" + adminapi.Drop.Path:
		return serveChange(w, r, adminapi.Drop, store.Drop)
	}
	return apiError(http.StatusNotFound, fmt.Errorf("resource not found: %s", r.URL.Path))
}

func serveDead(w http.ResponseWriter, r *http.Request, store queue.Store) error {
	if err := needMethod(r, http.MethodGet); err != nil {
		return err
	}
	limit, err := pageLimit(r.URL.Query().Get("limit"))
	if err != nil {
		return apiError(http.StatusBadRequest, err)
	}
	dead, err := store.Dead(r.URL.Query().Get("after"), limit)
	if err != nil {
		return storeError(err)
	}
	letters := make([]adminapi.DeadLetter, len(dead))
	for i := range dead {
		letters[i] = deadLetter(&dead[i])
	}
	return writeJSON(w, letters)
}

// serveChange replays or drops dead letters.
func serveChange(w http.ResponseWriter, r *http.Request, what adminapi.Change, change func(ids ...string) (int, error)) error {
	if err := needMethod(r, http.MethodPost); err != nil {
		return err
	}
	var body adminapi.Selection
	if err := readBody(w, r, &body, `{"ids":[…]} or {"all":true}`); err != nil {
		return err
	}
	if body.All == (len(body.IDs) > 0) {
		return apiError(http.StatusBadRequest, errors.New(`the body must be either {"ids":[…]} with an ID or {"all":true}`))
	}
	if err := checkCount(body.IDs); err != nil {
		return apiError(http.StatusBadRequest, err)
	}
	n, err := change(body.IDs...)
	if err != nil {
		return storeError(err)
	}
	return writeJSON(w, map[string]int{what.Done: n})
}

func storeError(err error) error {
	switch {
	case errors.Is(err, queue.ErrNotFound):
		return apiError(http.StatusNotFound, err)
	case errors.Is(err, queue.ErrUnavailable), errors.Is(err, queue.ErrClosed), errors.Is(err, queue.ErrFull):
		return apiError(http.StatusServiceUnavailable, err)
	}
	return apiError(http.StatusBadRequest, err)
}

func needMethod(r *http.Request, method string) error {
	if r.Method != method {
		return apiError(http.StatusMethodNotAllowed, fmt.Errorf("method not allowed: %s, want %s", r.Method, method))
	}
	return nil
}

func apiError(status int, err error) error { return caddy.APIError{HTTPStatus: status, Err: err} }

func writeJSON(w http.ResponseWriter, v any) error {
	w.Header().Set("Content-Type", "application/json")
	return json.NewEncoder(w).Encode(v)
}

// Interface guards
var (
	_ caddy.Module      = (*API)(nil)
	_ caddy.AdminRouter = (*API)(nil)
	_ caddy.Provisioner = (*API)(nil)
)
