package timcallback

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"

	"github.com/caddyserver/caddy/v2"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/delivery"
	"github.com/d13c7061/caddy-tim-callback/queue"
)

func init() {
	caddy.RegisterModule(adminAPI{})
}

// adminAPI serves the state of queues and their dead letters:
//
//	GET  /tim_callback/queues
//	GET  /tim_callback/queues/{name}/dead?limit=100&after=<cursor>
//	POST /tim_callback/queues/{name}/dead/replay   {"ids":[…]} or {"all":true}
//	POST /tim_callback/queues/{name}/dead/drop     the same
//
// Caddy makes it before any configuration, so that it looks queues up per request.
type adminAPI struct{}

const (
	maxDeadLimit = 1000
	maxAdminBody = 16 << 20
)

// CaddyModule returns the Caddy module information.
func (adminAPI) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "admin.api.tim_callback",
		New: func() caddy.Module { return new(adminAPI) },
	}
}

// Provision registers the metrics: Caddy's admin endpoint serves those of the
// newest configuration even where its handlers were never provisioned, since it failed.
func (*adminAPI) Provision(ctx caddy.Context) error { return registerMetrics(ctx.GetMetricsRegistry()) }

// Routes returns the admin routes.
func (a *adminAPI) Routes() []caddy.AdminRoute {
	return []caddy.AdminRoute{
		{Pattern: adminapi.Base, Handler: caddy.AdminHandlerFunc(a.serve)},
		{Pattern: adminapi.Base + "/", Handler: caddy.AdminHandlerFunc(a.serve)},
	}
}

func (a *adminAPI) serve(w http.ResponseWriter, r *http.Request) error {
	path := strings.Trim(strings.TrimPrefix(r.URL.Path, adminapi.Base), "/")
	if path == "" {
		if err := needMethod(r, http.MethodGet); err != nil {
			return err
		}
		return writeJSON(w, queueInfos())
	}
	name, action, _ := strings.Cut(path, "/")
	o := ownerByName(name)
	if o == nil {
		return apiError(http.StatusNotFound, unknownQueue(name))
	}
	store := o.shared.opened()
	if store == nil {
		return apiError(http.StatusServiceUnavailable, queue.ErrClosed)
	}
	switch action {
	case "dead":
		return serveDead(w, r, name, store)
	case "dead/" + adminapi.Replay.Path:
		return serveChange(w, r, adminapi.Replay, store.Replay)
	case "dead/" + adminapi.Drop.Path:
		return serveChange(w, r, adminapi.Drop, store.Drop)
	}
	return apiError(http.StatusNotFound, fmt.Errorf("resource not found: %s", r.URL.Path))
}

func unknownQueue(name string) error {
	var names []string
	for _, o := range currentOwners() {
		names = append(names, o.queue.Name)
	}
	if len(names) == 0 {
		return fmt.Errorf("there is no queue %q, nor any other", name)
	}
	return fmt.Errorf("there is no queue %q; there are: %s", name, strings.Join(names, ", "))
}

func queueInfos() []adminapi.Queue {
	infos := []adminapi.Queue{}
	for _, o := range currentOwners() {
		store := o.shared.opened()
		if store == nil {
			continue
		}
		counts := store.Counts()
		info := adminapi.Queue{Name: o.queue.Name, Store: o.queue.storeName(), Waiting: counts.Waiting, InFlight: counts.InFlight, Dead: counts.Dead}
		if !counts.Oldest.IsZero() {
			oldest := counts.Oldest.UTC()
			info.Oldest = &oldest
		}
		infos = append(infos, info)
	}
	return infos
}

func serveDead(w http.ResponseWriter, r *http.Request, name string, store queue.Store) error {
	if err := needMethod(r, http.MethodGet); err != nil {
		return err
	}
	limit := adminapi.DefaultPage
	if text := r.URL.Query().Get("limit"); text != "" {
		var err error
		if limit, err = strconv.Atoi(text); err != nil || limit < 1 || limit > maxDeadLimit {
			return apiError(http.StatusBadRequest, fmt.Errorf("limit %q is not a number from 1 to %d", text, maxDeadLimit))
		}
	}
	dead, err := store.Dead(served.cursor(name, r.URL.Query().Get("after")), limit)
	if err != nil {
		return storeError(err)
	}
	letters := make([]adminapi.DeadLetter, len(dead))
	for i := range dead {
		letters[i] = deadLetter(&dead[i])
		served.add(name, dead[i].ID, dead[i].Cursor)
	}
	return writeJSON(w, letters)
}

func deadLetter(d *queue.Dead) adminapi.DeadLetter {
	letter := adminapi.DeadLetter{
		ID: d.ID, Attempts: d.Attempts, Received: d.Received.UTC(), LastAttempt: d.Last.UTC(), LastError: d.LastError, Cursor: d.Cursor,
	}
	m, err := delivery.ParseMessage(d.Payload)
	if err != nil {
		letter.Event = json.RawMessage("null")
		return letter
	}
	letter.Subject, letter.Type = attribute(m.Header, "Subject"), attribute(m.Header, "Type")
	event := map[string]any{"datacontenttype": "application/json", "data": json.RawMessage(m.Body)}
	for name := range m.Header {
		if attr, ok := strings.CutPrefix(name, "Ce-"); ok {
			event[strings.ToLower(attr)] = attribute(m.Header, attr)
		}
	}
	if letter.Event, err = json.Marshal(event); err != nil {
		letter.Event = json.RawMessage("null")
	}
	return letter
}

// serveChange replays or drops dead letters.
func serveChange(w http.ResponseWriter, r *http.Request, what adminapi.Change, change func(ids ...string) (int, error)) error {
	if err := needMethod(r, http.MethodPost); err != nil {
		return err
	}
	var body adminapi.Selection
	decoder := json.NewDecoder(http.MaxBytesReader(w, r.Body, maxAdminBody))
	decoder.DisallowUnknownFields()
	err := decoder.Decode(&body)
	if err == nil && decoder.Decode(&struct{}{}) != io.EOF {
		err = errors.New("something follows the JSON object")
	}
	if err != nil {
		return apiError(http.StatusBadRequest, fmt.Errorf(`the body must be {"ids":[…]} or {"all":true}: %w`, err))
	}
	if body.All == (len(body.IDs) > 0) {
		return apiError(http.StatusBadRequest, errors.New(`the body must be either {"ids":[…]} with an ID or {"all":true}`))
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
	case errors.Is(err, queue.ErrUnavailable), errors.Is(err, queue.ErrClosed):
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
	_ caddy.Module      = (*adminAPI)(nil)
	_ caddy.AdminRouter = (*adminAPI)(nil)
	_ caddy.Provisioner = (*adminAPI)(nil)
)
