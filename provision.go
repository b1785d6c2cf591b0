package timcallback

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// Provision sets defaults, expands placeholders and checks the configuration.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.logger = ctx.Logger()
	if err := registerMetrics(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	h.setDefaults()
	if err := h.check(); err != nil {
		return err
	}
	if err := h.provisionApps(); err != nil {
		return err
	}
	if err := h.provisionSecrets(); err != nil {
		return err
	}
	if err := h.provisionQueue(ctx); err != nil {
		return err
	}
	if h.AllowHTTP {
		h.logger.Warn("allow_http is for development only: anybody on the way can read and replay what authenticates a callback")
	}
	if time.Duration(h.Timeout) >= tencentTimeout {
		h.logger.Warn("timeout leaves no room: Tencent gives a callback up after 2 seconds", zap.Duration("timeout", time.Duration(h.Timeout)))
	}
	return nil
}

func (h *Handler) setDefaults() {
	if h.MaxAge == 0 {
		h.MaxAge = caddy.Duration(profile.DefaultMaxAge)
	}
	if h.MaxBody == 0 {
		h.MaxBody = DefaultMaxBody
	}
	if h.OtherCommands == "" {
		h.OtherCommands = OtherReject
	}
	if h.Answer == "" && h.Queue != nil {
		h.Answer = AnswerAck
	}
	if h.Answer == "" {
		h.Answer = AnswerForward
	}
	if h.Body == "" {
		h.Body = BodyNormalized
	}
	if h.Timeout == 0 {
		h.Timeout = caddy.Duration(DefaultTimeout)
	}
}

func (h *Handler) check() error {
	for _, d := range []struct {
		name  string
		value caddy.Duration
	}{{"max_age", h.MaxAge}, {"timeout", h.Timeout}} {
		if d.value < 0 {
			return fmt.Errorf("%s: %s is not greater than zero", d.name, time.Duration(d.value))
		}
	}
	if h.MaxBody < 0 {
		return fmt.Errorf("max_body: %d is not greater than zero", h.MaxBody)
	}
	for _, word := range []struct{ name, value, one, other string }{
		{"other_commands", h.OtherCommands, OtherReject, OtherPass},
		{"answer", h.Answer, AnswerForward, AnswerAck},
		{"body", h.Body, BodyNormalized, BodyOriginal},
	} {
		if word.value != word.one && word.value != word.other {
			return fmt.Errorf("%s: %q is neither %s nor %s", word.name, word.value, word.one, word.other)
		}
	}
	if h.RequireClientCert && h.AllowHTTP {
		return errors.New("require_client_cert and allow_http exclude each other: there is no client certificate without TLS")
	}
	return nil
}

// provisionApps makes the verifier. The expanded tokens are only in there, and
// the exported fields lose theirs: what dumps a module must not find any.
func (h *Handler) provisionApps() error {
	repl := caddy.NewReplacer()
	apps := make([]profile.App, 0, len(h.Apps))
	for i, app := range h.Apps {
		id, err := repl.ReplaceOrErr(app.SDKAppID, true, true)
		if err != nil {
			return fmt.Errorf("app %d: sdk_appid: %w", i+1, err)
		}
		tokens := make([]string, 0, len(app.Tokens))
		for n, token := range app.Tokens {
			if token, err = expandSecret(repl, token); err != nil {
				return fmt.Errorf("app %s: token %d: %w", id, n+1, err)
			}
			tokens = append(tokens, token)
		}
		if len(tokens) == 0 && !h.RequireClientCert {
			if !h.AllowUnsigned {
				return fmt.Errorf("app %s has no token: give it one, or set require_client_cert or allow_unsigned", id)
			}
			h.logger.Warn("allow_unsigned: anybody who knows the SDKAppID can forge callbacks of this app", zap.String("sdk_appid", id))
		}
		apps = append(apps, profile.App{SDKAppID: id, Tokens: tokens})
		h.Apps[i].Tokens = nil
	}
	verifier, err := profile.NewVerifier(time.Duration(h.MaxAge), apps...)
	if err != nil {
		return err
	}
	h.verifier = verifier
	return nil
}

func (h *Handler) provisionSecrets() error {
	repl := caddy.NewReplacer()
	for i, text := range h.Sign {
		text, err := expandSecret(repl, text)
		if err != nil {
			return fmt.Errorf("sign: secret %d: %w", i+1, err)
		}
		secret, err := profile.ParseSecret(text)
		if err != nil {
			return fmt.Errorf("sign: secret %d: %w", i+1, err)
		}
		h.secrets = append(h.secrets, secret)
	}
	h.Sign = nil
	return nil
}

// provisionQueue declares the handler's queue. The app is there even without one,
// since it also looks after queues that were forgotten.
func (h *Handler) provisionQueue(ctx caddy.Context) error {
	server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if server == nil {
		if h.Queue != nil {
			return errors.New("queue: only a handler of an HTTP server can have one")
		}
		return nil
	}
	app, err := ctx.App("tim_callback")
	if err != nil || h.Queue == nil {
		return err
	}
	if err := h.Queue.provision(ctx); err != nil {
		return err
	}
	deliver := &route{
		handler: h.Queue.Deliver.Compile(caddyhttp.HandlerFunc(noteUnhandled)),
		server:  server,
		secrets: h.secrets,
	}
	h.declared, err = app.(*Queues).declare(&owner{
		queue:    h.Queue,
		attempt:  deliver.attempt,
		observer: observe(h.logger, h.Queue.Name),
		secrets:  h.secrets,
	}, server.Name())
	return err
}

// expandSecret expands placeholders. Its error quotes one only if that is all
// there is to the secret: a secret that merely has braces must not be quoted.
func expandSecret(repl *caddy.Replacer, s string) (string, error) {
	expanded, err := repl.ReplaceOrErr(s, true, true)
	if err != nil && (!strings.HasPrefix(s, "{") || strings.IndexByte(s, '}') != len(s)-1) {
		err = errors.New("a placeholder in it is unknown or empty (braces that are not a placeholder are written as \\{ and \\})")
	}
	return expanded, err
}
