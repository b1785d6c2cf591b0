package timcallback

import (
	"encoding/json"
	"strconv"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// parseQueue reads a queue block. Syntax:
//
//	queue [<name>] {
//	    store file [<path>]
//	    deliver {
//	        <HTTP handler directives...>
//	    }
//	    order lane|none
//	    workers <n>
//	    timeout <duration>
//	    retry <min> <max>
//	    give_up_after <duration>
//	    max_events <n>
//	    max_bytes <size>
//	    retain <duration> [<size>]
//	}
//
// The directives in `deliver` are parsed later, by [Handler.finalizeCaddyfile], which
// has the helper that they need.
func (h *Handler) parseQueue(d *caddyfile.Dispenser) error {
	q := new(Queue)
	h.Queue = q
	if args := d.RemainingArgs(); len(args) > 1 {
		return argErr(d, "queue")
	} else if len(args) == 1 {
		if err := queue.CheckName(args[0]); err != nil {
			return d.WrapErr(err)
		}
		q.Name = args[0]
	}
	seen := make(map[string]bool)
	for nesting := d.Nesting(); d.NextBlock(nesting); {
		name := d.Val()
		if seen[name] {
			return d.Errf("%s is set twice", name)
		}
		seen[name] = true
		var err error
		switch name {
		case "store":
			q.StoreRaw, err = parseStore(d)
		case "deliver":
			if d.NextArg() {
				return argErr(d, name)
			}
			h.deliverSegment = d.NewFromNextSegment()
		case "order":
			q.Order, err = parseWord(d, OrderLane, OrderNone)
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
		case "max_bytes":
			q.MaxBytes, err = parseSize(d)
		case "retain":
			err = q.Retain.parse(d)
		default:
			return unknownErr(d, name)
		}
		if err != nil {
			return err
		}
	}
	if h.deliverSegment == nil {
		return d.Err("queue: deliver is missing: without it no event is ever delivered")
	}
	return nil
}

// parseStore reads the kind of store and leaves the rest to its module.
func parseStore(d *caddyfile.Dispenser) (json.RawMessage, error) {
	if !d.NextArg() {
		return nil, argErr(d, "store")
	}
	kind := d.Val()
	if err := checkStoreKind(kind); err != nil {
		return nil, d.WrapErr(err)
	}
	unmarshaler, err := caddyfile.UnmarshalModule(d, queue.ModuleNamespace+"."+kind)
	if err != nil {
		return nil, err
	}
	return caddyconfig.JSONModuleObject(unmarshaler, "store", kind, nil), nil
}

func (r *Retry) parse(d *caddyfile.Dispenser) error {
	var waits [2]string
	if !d.AllArgs(&waits[0], &waits[1]) {
		return argErr(d, "retry")
	}
	for i, wait := range []*caddy.Duration{&r.Min, &r.Max} {
		var err error
		if *wait, err = parsePositive(d, "retry", waits[i]); err != nil {
			return err
		}
	}
	if r.Max < r.Min {
		return d.Err("retry: the longest wait is shorter than the first")
	}
	return nil
}

func (r *Retain) parse(d *caddyfile.Dispenser) (err error) {
	args := d.RemainingArgs()
	if len(args) < 1 || len(args) > 2 {
		return argErr(d, "retain")
	}
	if r.For, err = parsePositive(d, "retain", args[0]); err == nil && len(args) == 2 {
		r.MaxBytes, err = parsePositiveSize(d, "retain", args[1])
	}
	return err
}

func parseCount(d *caddyfile.Dispenser) (int, error) {
	name := d.Val()
	arg, err := parseArg(d)
	if err != nil {
		return 0, err
	}
	n, err := strconv.Atoi(arg)
	if err != nil || n <= 0 {
		return 0, d.Errf("%s is not a number greater than zero", name)
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
