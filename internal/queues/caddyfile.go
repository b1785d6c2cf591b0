package queues

import (
	"strconv"

	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"

	"github.com/d13c7061/caddy-tim-callback/internal/recent"
	"github.com/d13c7061/caddy-tim-callback/internal/redact"
)

func init() {
	httpcaddyfile.RegisterGlobalOption(AppName, parseApp)
}

// parseApp sets up the app from a global option. Syntax:
//
//	tim_callback {
//	    recent <n>
//	    mask <pattern>...
//	}
//
// Only `mask` may be repeated.
func parseApp(d *caddyfile.Dispenser, before any) (any, error) {
	app := new(App)
	d.Next() // consume the option's name
	if before != nil {
		return nil, d.Errf("%s is set twice", AppName)
	}
	if d.NextArg() {
		return nil, d.ArgErr()
	}
	for d.NextBlock(0) {
		switch name := d.Val(); name {
		case "recent":
			if app.Recent != nil {
				return nil, d.Errf("%s is set twice", name)
			}
			args := d.RemainingArgs()
			if len(args) != 1 {
				return nil, d.ArgErr()
			}
			n, err := strconv.Atoi(args[0])
			if err != nil || n < 0 || n > recent.MaxSize {
				return nil, d.Errf("%s: %q is not a number from 0 to %d", name, args[0], recent.MaxSize)
			}
			app.Recent = &n
		case "mask":
			patterns := d.RemainingArgs()
			if len(patterns) == 0 {
				return nil, d.ArgErr()
			}
			if _, err := redact.New(patterns...); err != nil {
				return nil, d.Errf("mask: %w", err)
			}
			app.Mask = append(app.Mask, patterns...)
		default:
			return nil, d.Errf("unknown option %s", name)
		}
	}
	return httpcaddyfile.App{Name: AppName, Value: caddyconfig.JSON(app, nil)}, nil
}
