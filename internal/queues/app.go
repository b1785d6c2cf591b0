package queues

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/d13c7061/caddy-tim-callback/internal/recent"
	"github.com/d13c7061/caddy-tim-callback/internal/redact"
	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

// AppName is the name of the Caddy app that [App] is.
const AppName = "tim_callback"

func init() {
	caddy.RegisterModule(new(App))
}

// App starts and stops the queues that the handlers of a configuration declare. Caddy
// loads it when a handler asks for it, also if it is not configured.
type App struct {
	// How many of the last callbacks are remembered, in memory and across reloads, for
	// `caddy tim-callback tail` and the admin API: up to 1000000, and about half a kilobyte
	// each. 0 switches it off. Default: 1000.
	Recent *int `json:"recent,omitempty"`

	// Which values of payloads are masked wherever somebody looks at events: by the admin
	// API, the commands and the inspector. They are paths in the normalized body: `custom.*`,
	// `profile.nick`, `data.MsgBody`. `*` stands for any name, and paths go into the elements
	// of arrays. Answers of the backend are not shown then, since they may quote what is
	// masked. Backends get everything. Default: none.
	Mask []string `json:"mask,omitempty"`

	queues []*Queue
	checks []func() error
	ready  ready
	folder string // of queue files whose path is not configured
	logger *zap.Logger

	forget     func() // ends remembering the last callbacks
	unmask     func()
	background sync.WaitGroup
}

// CaddyModule returns the Caddy module information.
func (*App) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  AppName,
		New: func() caddy.Module { return new(App) },
	}
}

// Provision sets up the app.
func (app *App) Provision(ctx caddy.Context) error {
	if n := app.recent(); n < 0 || n > recent.MaxSize {
		return fmt.Errorf("recent: %d is not a number from 0 to %d", n, recent.MaxSize)
	}
	var err error
	if app.unmask, err = redact.Use(app.Mask...); err != nil {
		return fmt.Errorf("mask: %w", err)
	}
	app.forget = recent.UseFirst(app.recent()) // servers may answer before this app is started
	app.logger, app.folder, app.ready.logger = ctx.Logger(), file.DefaultFolder(), ctx.Logger()
	events, err := ctx.App("events")
	if err != nil {
		return err
	}
	return events.(*caddyevents.App).On("started", &app.ready)
}

// recent returns how many callbacks are remembered.
func (app *App) recent() int {
	if app.Recent == nil {
		return recent.DefaultSize
	}
	return *app.Recent
}

// Announce adds to the line in the log that tells when Caddy is ready for callbacks:
// of which apps a handler takes them, and at which addresses.
func (app *App) Announce(sdkAppIDs, listen []string) {
	app.ready.apps = append(app.ready.apps, sdkAppIDs...)
	app.ready.listen = append(app.ready.listen, listen...)
}

// CheckAtStart adds a check that needs all handlers to be provisioned. If it returns
// an error, the configuration does not start.
func (app *App) CheckAtStart(check func() error) { app.checks = append(app.checks, check) }

// Declare adds a queue to the configuration. Nothing is opened yet. site says where
// in the configuration that is. A queue that is declared again is shared; it is an
// error if the declarations differ, or if two queues are kept in the same place or
// have a file in common.
func (app *App) Declare(spec Spec, site string) (*Queue, error) {
	for _, q := range app.queues {
		switch {
		case q.spec.Name == spec.Name:
			if differences := q.spec.differences(&spec); len(differences) > 0 {
				places := "twice for the site on " + site
				if q.site != site {
					places = "for the site on " + q.site + " and again for the site on " + site
				}
				return nil, fmt.Errorf("queue %s is declared %s, but with another %s", spec.Name, places, strings.Join(differences, ", "))
			}
			return q, nil
		case q.store.location == spec.location():
			return nil, fmt.Errorf("queues %s and %s are both kept in %s", q.spec.Name, spec.Name, spec.Module.Place(spec.Name))
		case slices.ContainsFunc(q.spec.files(), func(path string) bool { return slices.Contains(spec.files(), path) }):
			return nil, fmt.Errorf("queues %s (kept in %s) and %s (kept in %s) have the same file: give one of them another file",
				q.spec.Name, q.spec.Module.Place(q.spec.Name), spec.Name, spec.Module.Place(spec.Name))
		}
	}
	q := &Queue{spec: spec, site: site, store: acquire(spec.location()), observer: countDeliveries(spec.Name, noteDeliveries(spec.Name, logDeliveries(spec.Logger, spec.Name)))}
	app.queues = append(app.queues, q)
	return q, nil
}

// Start opens the queues and begins to deliver their events.
func (app *App) Start() error {
	for _, check := range app.checks {
		if err := check(); err != nil {
			return err
		}
	}
	if app.forget == nil {
		app.forget = recent.Use(app.recent())
	}
	for i, q := range app.queues {
		if err := q.store.start(q); err != nil {
			app.forget()
			for _, started := range app.queues[:i] {
				started.store.stop(started)
			}
			return err
		}
	}
	app.background.Go(app.warnOfForgotten) // reading a long file takes its time
	return nil
}

// Stop ends delivering. Attempts that run have a few seconds to end. Events can still
// be stored until the last request has ended.
func (app *App) Stop() error {
	for _, q := range app.queues {
		q.store.stop(q)
	}
	app.forget()
	app.background.Wait()
	return nil
}

// Cleanup gives up the queues. Those that no other configuration uses are closed.
func (app *App) Cleanup() error {
	var errs []error
	for _, q := range app.queues {
		errs = append(errs, q.store.release())
		releaseDeliveries(q.spec.Name)
	}
	app.queues = nil
	for _, end := range []func(){app.forget, app.unmask} {
		if end != nil {
			end()
		}
	}
	return errors.Join(errs...)
}

// Interface guards
var (
	_ caddy.App          = (*App)(nil)
	_ caddy.Provisioner  = (*App)(nil)
	_ caddy.CleanerUpper = (*App)(nil)
)
