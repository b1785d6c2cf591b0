// Package inspector is a page that shows operators what became of callbacks: the queues, the last
// callbacks, and the story of every event. It changes nothing.
package inspector

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/internal/redact"
)

func init() {
	caddy.RegisterModule(Inspector{})
}

// Inspector serves the page. It works under any path, and needs nothing else: its style sheet, its
// script and its texts, in English and Chinese, are part of the module. It answers GET and HEAD only.
type Inspector struct {
	// Answer clients on other machines too. The page tells who uses your app and when, so put
	// something in front of it that asks for a password, such as `basic_auth`. Default: false,
	// which answers only clients on the same machine that use a host name of that machine.
	AllowRemote bool `json:"allow_remote,omitempty"`

	// Show the payloads of events, and how answers of the backend begin, which may quote
	// payloads. Default: false.
	Payloads bool `json:"payloads,omitempty"`

	// Which values of payloads are masked, as paths in the normalized body: `custom.*`,
	// `profile.nick`, `data.MsgBody`. `*` stands for any name. Answers of the backend are not
	// shown then, since they may quote what is masked. The admin API and the commands mask
	// them as well, and what the global option `mask` names is masked here, too. Default: none.
	Mask []string `json:"mask,omitempty"`

	unmask func()
	source source
	now    func() time.Time
	logger *zap.Logger

	ended context.Context // ends when the server or the configuration stops
	end   context.CancelFunc
}

// CaddyModule returns the Caddy module information.
func (Inspector) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.tim_callback_inspector",
		New: func() caddy.Module { return new(Inspector) },
	}
}

// Provision sets up the handler.
func (i *Inspector) Provision(ctx caddy.Context) error {
	i.logger = ctx.Logger()
	var err error
	if i.unmask, err = redact.Use(i.Mask...); err != nil {
		return fmt.Errorf("mask: %w", err)
	}
	i.source = processSource{payloads: i.Payloads}
	i.now = time.Now
	i.ended, i.end = context.WithCancel(context.Background())
	if server, ok := ctx.Value(caddyhttp.ServerCtxKey).(*caddyhttp.Server); ok {
		server.RegisterOnShutdown(i.end) // a reload waits for all requests, so also for live views
	}
	if i.AllowRemote {
		i.logger.Debug("the inspector answers clients on all machines: something in front of it should ask who they are")
	}
	return nil
}

// Cleanup ends the live views, and what is masked for this configuration.
func (i *Inspector) Cleanup() error {
	if i.unmask != nil {
		i.unmask()
	}
	if i.end != nil {
		i.end()
	}
	return nil
}

// ServeHTTP answers a request. It never calls the next handler.
func (i *Inspector) ServeHTTP(w http.ResponseWriter, r *http.Request, _ caddyhttp.Handler) error {
	i.serve(w, r)
	return nil
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Inspector)(nil)
	_ caddy.CleanerUpper          = (*Inspector)(nil)
	_ caddyhttp.MiddlewareHandler = (*Inspector)(nil)
)
