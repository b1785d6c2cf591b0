package timcallback

import (
	"errors"
	"fmt"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/backend"
	"github.com/d13c7061/caddy-tim-callback/internal/metrics"
	"github.com/d13c7061/caddy-tim-callback/internal/placeholder"
	"github.com/d13c7061/caddy-tim-callback/internal/queues"
)

// Provision sets defaults, expands placeholders and checks the configuration.
func (h *Handler) Provision(ctx caddy.Context) error {
	h.logger = ctx.Logger()
	if err := metrics.Register(ctx.GetMetricsRegistry()); err != nil {
		return err
	}
	h.setDefaults()
	if err := h.check(); err != nil {
		return err
	}
	if err := h.checkCommands(); err != nil {
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
		h.logger.Warn("timeout is too long: Tencent gives up after 2 seconds", zap.Duration("timeout", time.Duration(h.Timeout)))
	}
	return nil
}

func (h *Handler) setDefaults() {
	if h.MaxAge == 0 {
		h.MaxAge = caddy.Duration(callback.DefaultMaxAge)
	}
	if h.MaxBody == 0 {
		h.MaxBody = DefaultMaxBody
	}
	if len(h.Commands) == 0 {
		h.Commands = []string{callback.PatternProfile}
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
		return errors.New("require_client_cert and allow_http cannot be used together: there is no client certificate without TLS")
	}
	return nil
}

// provisionApps makes the verifier. Only the verifier has the expanded tokens; they are
// removed from the exported fields, so that nothing that prints a module shows them.
func (h *Handler) provisionApps() error {
	repl := caddy.NewReplacer()
	apps := make([]callback.App, 0, len(h.Apps))
	for i, app := range h.Apps {
		id, err := placeholder.Expand(repl, app.SDKAppID) // it may be a token in the wrong place
		if err != nil {
			return fmt.Errorf("app %d: sdk_appid: %w", i+1, err)
		}
		tokens := make([]string, 0, len(app.Tokens))
		for n, token := range app.Tokens {
			if token, err = placeholder.Expand(repl, token); err != nil {
				return fmt.Errorf("app %d: token %d: %w", i+1, n+1, err)
			}
			tokens = append(tokens, token)
		}
		if len(tokens) == 0 && !h.RequireClientCert {
			if !h.AllowUnsigned {
				return fmt.Errorf("app %d has no token: add its token, or set require_client_cert or allow_unsigned", i+1)
			}
			h.logger.Warn("allow_unsigned: anybody who knows the SDKAppID can forge callbacks of this app", zap.Int("app", i+1))
		}
		apps = append(apps, callback.App{SDKAppID: id, Tokens: tokens})
		h.Apps[i] = App{SDKAppID: id} // with placeholders expanded
	}
	verifier, err := callback.NewVerifier(time.Duration(h.MaxAge), apps...)
	if err != nil {
		return err
	}
	h.verifier = verifier
	return nil
}

func (h *Handler) provisionSecrets() error {
	repl := caddy.NewReplacer()
	for i, text := range h.Sign {
		text, err := placeholder.Expand(repl, text)
		if err != nil {
			return fmt.Errorf("sign: secret %d: %w", i+1, err)
		}
		secret, err := callback.ParseSecret(text)
		if err != nil {
			return fmt.Errorf("sign: secret %d: %w: generate one with `openssl rand -base64 32`", i+1, err)
		}
		h.backend.Secrets = append(h.backend.Secrets, secret)
	}
	h.Sign = nil
	h.backend.Original = h.Body == BodyOriginal
	return nil
}

// provisionQueue declares the handler's queue to the app of all queues. The app is
// loaded even without a queue, since it also looks for forgotten queue files and tells
// when Caddy is ready.
func (h *Handler) provisionQueue(ctx caddy.Context) error {
	server, _ := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server)
	if server == nil {
		if h.Queue != nil {
			return errors.New("queue: only a handler of an HTTP server can have a queue")
		}
		return nil
	}
	if err := h.checkServer(ctx, server); err != nil {
		return err
	}
	module, err := ctx.App(queues.AppName)
	if err != nil {
		return err
	}
	app := module.(*queues.App)
	ids := make([]string, len(h.Apps))
	for i, a := range h.Apps {
		ids[i] = a.SDKAppID
	}
	app.Announce(ids, server.Listen)
	app.CheckAtStart(func() error { return h.checkBehind(ctx) })
	if h.Queue == nil {
		return nil
	}
	if err := h.Queue.provision(ctx); err != nil {
		return err
	}
	spec := h.Queue.spec()
	spec.Attempt = backend.NewRoute(h.Queue.Deliver, server, h.backend).Attempt
	spec.Body, spec.Secrets, spec.Logger = h.Body, h.backend.Secrets, h.logger
	declared, err := app.Declare(spec, site(server))
	if err != nil {
		return err
	}
	h.queue = declared
	return nil
}
