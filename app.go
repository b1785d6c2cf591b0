package timcallback

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"sync"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"

	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

func init() {
	caddy.RegisterModule(new(Queues))
}

// Queues starts and stops the queues that the handlers of a configuration declare.
// It is there by itself and has nothing to configure.
type Queues struct {
	declared []*declaredQueue
	folder   string // of queue files whose path is not configured
	logger   *zap.Logger

	background sync.WaitGroup
}

// declaredQueue is a queue of one configuration.
type declaredQueue struct {
	*owner
	server string // that declared it first
}

// CaddyModule returns the Caddy module information.
func (*Queues) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "tim_callback",
		New: func() caddy.Module { return new(Queues) },
	}
}

// Provision sets the app up.
func (app *Queues) Provision(ctx caddy.Context) error {
	app.logger, app.folder = ctx.Logger(), fileStoreFolder()
	return nil
}

// declare adds a queue to the configuration. Nothing is opened yet.
func (app *Queues) declare(o *owner, server string) (*declaredQueue, error) {
	location := o.queue.store.Location(o.queue.Name)
	for _, d := range app.declared {
		switch {
		case d.queue.Name == o.queue.Name:
			differences := d.queue.differences(o.queue)
			if !reflect.DeepEqual(d.secrets, o.secrets) {
				differences = append(differences, "sign")
			}
			if len(differences) > 0 {
				return nil, fmt.Errorf("queue %s is declared on server %s and again on server %s, but with another %s",
					o.queue.Name, d.server, server, strings.Join(differences, ", "))
			}
			return d, nil
		case d.shared.location == location:
			return nil, fmt.Errorf("queues %s and %s are both kept in %s", d.queue.Name, o.queue.Name, location)
		}
	}
	o.shared = useQueue(location)
	o.observer = countDeliveries(o.queue.Name, o.observer)
	d := &declaredQueue{owner: o, server: server}
	app.declared = append(app.declared, d)
	return d, nil
}

// Start opens the queues and begins to deliver what is in them.
func (app *Queues) Start() error {
	for i, d := range app.declared {
		if err := d.shared.own(d.owner); err != nil {
			for _, started := range app.declared[:i] {
				started.shared.disown(started.owner)
			}
			return err
		}
	}
	app.background.Go(app.warnOfForgotten) // a long file takes its time
	return nil
}

// Stop ends delivering, after what runs, for up to a few seconds. Storing goes on
// working until the last request has gone.
func (app *Queues) Stop() error {
	for _, d := range app.declared {
		d.shared.disown(d.owner)
	}
	app.background.Wait()
	return nil
}

// Cleanup gives the queues up; those that no other configuration uses are closed.
func (app *Queues) Cleanup() error {
	var errs []error
	for _, d := range app.declared {
		errs = append(errs, d.shared.release())
		releaseDeliveries(d.queue.Name)
	}
	app.declared = nil
	return errors.Join(errs...)
}

// warnOfForgotten looks for files of queues that are not configured any more, but
// hold events that somebody was promised.
func (app *Queues) warnOfForgotten() {
	entries, _ := os.ReadDir(app.folder)
	for _, entry := range entries {
		path := filepath.Join(app.folder, entry.Name())
		if filepath.Ext(path) != ".db" || queueInUse(path) {
			continue
		}
		n, err := file.Count(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case err != nil:
			app.logger.Warn("a queue file is not used by any configured queue, and cannot be read", zap.String("path", path), zap.Error(err))
		case n > 0:
			app.logger.Warn("a queue file is not used by any configured queue, but holds events: configure a queue of that name to deliver them",
				zap.String("path", path), zap.Int("events", n))
		}
	}
}

// Interface guards
var (
	_ caddy.App          = (*Queues)(nil)
	_ caddy.Provisioner  = (*Queues)(nil)
	_ caddy.CleanerUpper = (*Queues)(nil)
)
