package timcallback

import (
	"math"
	"regexp"

	"github.com/dustin/go-humanize"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/caddyconfig/httpcaddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

func init() {
	httpcaddyfile.RegisterHandlerDirective("tim_callback", parseCaddyfile)
	httpcaddyfile.RegisterDirectiveOrder("tim_callback", httpcaddyfile.After, "forward_auth")
}

func parseCaddyfile(helper httpcaddyfile.Helper) (caddyhttp.MiddlewareHandler, error) {
	h := new(Handler)
	if err := h.UnmarshalCaddyfile(helper.Dispenser); err != nil {
		return nil, err
	}
	if err := h.finalizeCaddyfile(helper); err != nil {
		return nil, err
	}
	return h, nil
}

// UnmarshalCaddyfile sets up the handler from Caddyfile tokens. Syntax:
//
//	tim_callback [<matcher>] [<sdk_appid> [<token>...]] {
//	    app <sdk_appid> [<token>...]
//	    max_age <duration>
//	    max_body <size>
//	    require_client_cert
//	    allow_unsigned
//	    allow_http
//	    commands <pattern>...
//	    other_commands reject|pass
//	    undecided error|allow|forbid [<pattern>...]
//	    answer forward|ack
//	    body normalized|original
//	    timeout <duration>
//	    sign <secret>...
//	    queue [<name>] { ... }
//	}
//
// The short form is the first app. Only `app` and `undecided` may be repeated.
func (h *Handler) UnmarshalCaddyfile(d *caddyfile.Dispenser) error {
	d.Next() // consume the directive name
	if args := d.RemainingArgs(); len(args) > 0 {
		h.Apps = append(h.Apps, App{SDKAppID: args[0], Tokens: args[1:]})
	}
	seen := make(map[string]bool)
	for d.NextBlock(0) {
		name := d.Val()
		if seen[name] && name != "app" && name != "undecided" {
			return d.Errf("%s is set twice", name)
		}
		seen[name] = true
		var err error
		switch name {
		case "app":
			args := d.RemainingArgs()
			if len(args) == 0 {
				return d.ArgErr()
			}
			h.Apps = append(h.Apps, App{SDKAppID: args[0], Tokens: args[1:]})
		case "max_age":
			h.MaxAge, err = parseDuration(d)
		case "max_body":
			h.MaxBody, err = parseSize(d)
		case "require_client_cert":
			h.RequireClientCert, err = parseFlag(d)
		case "allow_unsigned":
			h.AllowUnsigned, err = parseFlag(d)
		case "allow_http":
			h.AllowHTTP, err = parseFlag(d)
		case "commands":
			if h.Commands = d.RemainingArgs(); len(h.Commands) == 0 {
				return d.ArgErr()
			}
		case "undecided":
			args := d.RemainingArgs()
			if len(args) == 0 {
				return d.ArgErr()
			}
			h.Undecided = append(h.Undecided, Undecided{Policy: args[0], Commands: args[1:]})
		case "other_commands":
			h.OtherCommands, err = parseWord(d, OtherReject, OtherPass)
		case "answer":
			h.Answer, err = parseWord(d, AnswerForward, AnswerAck)
		case "body":
			h.Body, err = parseWord(d, BodyNormalized, BodyOriginal)
		case "timeout":
			h.Timeout, err = parseDuration(d)
		case "sign":
			if h.Sign = d.RemainingArgs(); len(h.Sign) == 0 {
				return d.ArgErr()
			}
		case "queue":
			err = h.parseQueue(d)
		default:
			return unknownErr(d, name)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// Errors do not quote arguments: an argument may be a secret in the wrong place, to
// which {$VAR} was expanded.

var subdirective = regexp.MustCompile(`^([a-z_]{1,24}|[{}])$`)

// unknownErr says that a subdirective is unknown. It quotes only what looks like one.
func unknownErr(d *caddyfile.Dispenser, name string) error {
	if !subdirective.MatchString(name) {
		return d.Err("a line does not begin with a subdirective")
	}
	return d.Errf("unrecognized subdirective %s", name)
}

func argErr(d *caddyfile.Dispenser, name string) error {
	return d.Errf("%s: wrong number of arguments", name)
}

// parseArg reads the one argument of a subdirective.
func parseArg(d *caddyfile.Dispenser) (string, error) {
	name := d.Val()
	var arg string
	if !d.AllArgs(&arg) {
		return "", argErr(d, name)
	}
	return arg, nil
}

func parseFlag(d *caddyfile.Dispenser) (bool, error) {
	if name := d.Val(); d.NextArg() {
		return false, argErr(d, name)
	}
	return true, nil
}

func parseWord(d *caddyfile.Dispenser, one, other string) (string, error) {
	name := d.Val()
	word, err := parseArg(d)
	if err == nil && word != one && word != other {
		err = d.Errf("%s is neither %s nor %s", name, one, other)
	}
	return word, err
}

func parseDuration(d *caddyfile.Dispenser) (caddy.Duration, error) {
	name := d.Val()
	arg, err := parseArg(d)
	if err != nil {
		return 0, err
	}
	return parsePositive(d, name, arg)
}

func parsePositive(d *caddyfile.Dispenser, name, arg string) (caddy.Duration, error) {
	duration, err := caddy.ParseDuration(arg)
	switch {
	case err != nil:
		return 0, d.Errf("%s: invalid duration, valid ones are for example 90s, 10m and 72h", name)
	case duration <= 0:
		return 0, d.Errf("%s is not greater than zero", name)
	}
	return caddy.Duration(duration), nil
}

func parseSize(d *caddyfile.Dispenser) (int64, error) {
	name := d.Val()
	arg, err := parseArg(d)
	if err != nil {
		return 0, err
	}
	return parsePositiveSize(d, name, arg)
}

func parsePositiveSize(d *caddyfile.Dispenser, name, arg string) (int64, error) {
	size, err := humanize.ParseBytes(arg)
	switch {
	case err != nil:
		return 0, d.Errf("%s: invalid size, valid ones are for example 65536, 64KiB and 1MB", name)
	case size == 0:
		return 0, d.Errf("%s is not greater than zero", name)
	case size > math.MaxInt64:
		return 0, d.Errf("%s is too large", name)
	}
	return int64(size), nil
}

// Interface guard
var _ caddyfile.Unmarshaler = (*Handler)(nil)
