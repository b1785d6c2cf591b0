package queues

import (
	"context"
	"slices"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyevents"

	"github.com/d13c7061/caddy-tim-callback/internal/version"
)

// ready says in the log that a configuration has started, and which callbacks it
// takes at which addresses. Caddy starts apps in random order, so only Caddy itself
// knows when all servers listen; it then emits an event.
type ready struct {
	apps, listen []string
	logger       *zap.Logger
}

// Handle implements [caddyevents.Handler].
func (r *ready) Handle(context.Context, caddy.Event) error {
	for _, list := range []*[]string{&r.apps, &r.listen} {
		slices.Sort(*list)
		*list = slices.Compact(*list)
	}
	r.logger.Info("ready for callbacks: try it with caddy tim-callback send, or check",
		zap.Strings("sdk_appids", r.apps), zap.Strings("listen", r.listen), zap.String("version", version.Module()))
	return nil
}

// Interface guard
var _ caddyevents.Handler = (*ready)(nil)
