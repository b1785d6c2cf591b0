package inspector

import (
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/internal/redact"
)

const directive = "tim_callback_inspector"

func init() {
	httpcaddyfile.RegisterHandlerDirective(directive, parseCaddyfile)
	httpcaddyfile.RegisterDirectiveOrder(directive, httpcaddyfile.Before, "respond") // behind basic_auth and encode
}

func parseCaddyfile(helper httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	i := new(Inspector)
	return i, i.UnmarshalCaddyfile(helper.Dispenser)
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	tim_callback_inspector [<matcher>] {
//	    allow_remote
//	    payloads
//	    mask <pattern>...
//	}
//
// Only `mask` may be repeated.
func (i *Inspector) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the directive name
	if d.NextArg() {
		return d.ArgErr()
	}
	for d.NextBlock(0) {
		name := d.Val()
		var err error
		switch name {
		case "allow_remote":
			err = parseFlag(d, &i.AllowRemote)
		case "payloads":
			err = parseFlag(d, &i.Payloads)
		case "mask":
			patterns := d.RemainingArgs()
			if len(patterns) == 0 {
				return d.ArgErr()
			}
			if _, err := redact.New(patterns...); err != nil {
				return d.Errf("mask: %w", err)
			}
			i.Mask = append(i.Mask, patterns...)
		default:
			err = d.Errf("unrecognized subdirective %s", name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// parseFlag reads a subdirective without arguments.
func parseFlag(d *caddyfile.Dispenser, flag *bool) error {
	name := d.Val()
	if *flag {
		return d.Errf("%s is set twice", name)
	}
	if d.NextArg() {
		return d.Errf("%s: wrong number of arguments", name)
	}
	*flag = true
	return nil
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Inspector)(nil)
