package timcallback

import (
	"encoding/json"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

// parseQueue reads a queue block. Syntax:
//
//	queue [<name>] {
//	    store file [<path>]
//	    deliver {
//	        <HTTP handler directives...>
//	    }
//	    workers <n>
//	    timeout <duration>
//	    retry <min> <max>
//	    give_up_after <duration>
//	    max_events <n>
//	}
//
// The directives of `deliver` need the helper that the whole directive has; they
// are parsed by [Handler.finalizeCaddyfile].
func (h *Handler) parseQueue(d *caddyfile.Dispenser) error {
	q := new(Queue)
	h.Queue = q
	if args := d.RemainingArgs(); len(args) > 1 {
		return d.ArgErr()
	} else if len(args) == 1 {
		if !queueName.MatchString(args[0]) {
			return d.Errf("queue: the name %q is not 1 to 64 of a-z, 0-9, _ and -", args[0])
		}
		q.Name = args[0]
	}
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		if seen[name] {
			return d.Errf("%s is there twice", name)
		}
		seen[name] = true
		var err error
		switch name {
		case "store":
			q.StoreRaw, err = parseStore(d)
		case "deliver":
			if d.NextArg() {
				return d.ArgErr()
			}
			h.deliverSegment = d.NewFromNextSegment()
		case "workers":
			q.Workers, err = parseCount(d)
		case "timeout":
			q.Timeout, err = parseDuration(d)
		case "retry":
			err = q.Retry.parse(d)
		case "give_up_after":
			q.Retry.GiveUpAfter, err = parseDuration(d)
		case "max_events":
			q.MaxEvents, err = parseCount(d)
		default:
			return d.Errf("unrecognized subdirective %s of queue", name)
		}
		if err != nil {
			return err
		}
	}
	if h.deliverSegment == nil {
		return d.Err("queue: deliver is missing: without it nothing is ever delivered")
	}
	return nil
}

// parseStore reads the kind of store and leaves the rest to its module.
func parseStore(d *caddyfile.Dispenser) (json.RawMessage, error) {
	if !d.NextArg() {
		return nil, d.ArgErr()
	}
	kind := d.Val()
	unmarshaler, err := caddyfile.UnmarshalModule(d, "tim_callback.queues."+kind)
	if err != nil {
		return nil, err
	}
	return caddyconfig.JSONModuleObject(unmarshaler, "store", kind, nil), nil
}

// UnmarshalCaddyfile sets up the store from Caddyfile tokens. Syntax:
//
//	store file [<path>]
func (s *FileStore) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume "file"
	if d.NextArg() {
		s.Path = d.Val()
	}
	if d.NextArg() {
		return d.ArgErr()
	}
	return nil
}

func (r *Retry) parse(d *caddyfile.Dispenser) error {
	var waits [2]string
	if !d.AllArgs(&waits[0], &waits[1]) {
		return d.ArgErr()
	}
	for i, wait := range []*caddy.Duration{&r.Min, &r.Max} {
		var err error
		if *wait, err = parsePositive(d, "retry", waits[i]); err != nil {
			return err
		}
	}
	if r.Max < r.Min {
		return d.Errf("retry: the longest wait %s is shorter than the first %s", waits[1], waits[0])
	}
	return nil
}

func parseCount(d *caddyfile.Dispenser) (int, error) {
	name := d.Val()
	arg, err := parseArg(d)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(arg)
	if err != nil || n <= 0 {
		return 0, d.Errf("%s: %q is not a number greater than zero", name, arg)
	}
	return n, nil
}

// finalizeCaddyfile parses what needs the helper.
func (h *Handler) finalizeCaddyfile(helper httpcaddyfile.Helper) error {
	if h.deliverSegment == nil {
		return nil
	}
	handler, err := httpcaddyfile.ParseSegmentAsSubroute(helper.WithDispenser(h.deliverSegment))
	if err != nil {
		return err
	}
	h.deliverSegment = nil
	subroute, ok := handler.(*caddyhttp.Subroute)
	if !ok || len(subroute.Routes) == 0 {
		return helper.Err("queue: deliver has no handler")
	}
	h.Queue.Deliver = subroute.Routes
	return nil
}

// Interface guard
var _ caddyfile.Unmarshaler = (*FileStore)(nil)
