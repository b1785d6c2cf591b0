package queues

import (
	"errors"
	"os"
	"path/filepath"
	"slices"

	"go.uber.org/zap"

	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

// warnOfForgotten looks for queue files that no configured queue uses any more, but
// that still hold events.
func (app *App) warnOfForgotten() {
	entries, _ := os.ReadDir(app.folder)
	for _, entry := range entries {
		path := filepath.Join(app.folder, entry.Name())
		if filepath.Ext(path) != ".db" || inUse(path) || app.declares(path) {
			continue
		}
		n, err := file.Count(path)
		switch {
		case errors.Is(err, os.ErrNotExist):
		case errors.Is(err, file.ErrInUse):
			app.logger.Warn("another Caddy with the same data directory uses this queue file and delivers its events; this Caddy does not. "+
				"If that is not what you want, give each Caddy a data directory of its own (XDG_DATA_HOME)", zap.String("path", path), zap.Error(err))
		case err != nil:
			app.logger.Warn("a queue file that no configured queue uses cannot be read", zap.String("path", path), zap.Error(err))
		case n > 0:
			app.logger.Warn("a queue file that no configured queue uses holds events: configure a queue of that name to deliver them",
				zap.String("path", path), zap.Int("events", n))
		}
	}
}

// declares reports whether a file belongs to a queue of the configuration. That file need
// not be in use: a store may open it only when it has events to spool.
func (app *App) declares(path string) bool {
	return slices.ContainsFunc(app.queues, func(q *Queue) bool { return slices.Contains(q.spec.files(), path) })
}
