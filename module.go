// Package timcallback is a Caddy module that takes the callbacks of Tencent Cloud
// Chat (IM) at the edge: it verifies that a callback is genuine, turns it into one
// clean event, and answers Tencent itself or hands the event to the app's backend.
package timcallback

import (
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

func init() {
	caddy.RegisterModule(Handler{})
}

// What a [Handler] does where its configuration says nothing.
const (
	DefaultMaxBody = 64 << 10
	DefaultTimeout = 1800 * time.Millisecond
)

// tencentTimeout is when Tencent gives a callback up.
const tencentTimeout = 2 * time.Second

// Values of [Handler.OtherCommands], [Handler.Answer] and [Handler.Body].
const (
	OtherReject    = "reject"
	OtherPass      = "pass"
	AnswerForward  = "forward"
	AnswerAck      = "ack"
	BodyNormalized = "normalized"
	BodyOriginal   = "original"
)

// Handler verifies callbacks of Tencent Cloud Chat and takes those of
// Profile.CallbackPortraitSet ("a user's profile was changed"). A callback that is
// not genuine is refused; whatever happens, Tencent gets one valid JSON answer
// within its 2 seconds.
//
// Placeholders for later handlers and logs:
//
// Placeholder | Description
// ------------|---------------
// `{http.tim_callback.sdk_appid}` | SDKAppID of the callback's app
// `{http.tim_callback.command}` | Callback command
// `{http.tim_callback.from_account}` | UserID of whose profile was changed
// `{http.tim_callback.operator_account}` | UserID of who changed it
// `{http.tim_callback.platform}` | Where it was changed: `ios`, `rest_api`, …
// `{http.tim_callback.client_ip}` | IP address of the chat client
// `{http.tim_callback.event_id}` | ID of the event, the same whenever the callback is sent again
// `{http.tim_callback.changed}` | Names of the changed fields, comma-separated
// `{http.tim_callback.reason}` | Why the request was refused; empty if it was not
//
// Of a refused request, SDKAppID and command are what it claimed.
type Handler struct {
	// The apps whose callbacks are taken. At least one is required.
	Apps []App `json:"apps,omitempty"`

	// How far a signed callback's RequestTime may be from now, either way, in
	// whole seconds. Default: `60s`, which is Tencent's advice against replay.
	MaxAge caddy.Duration `json:"max_age,omitempty"`

	// The largest body that is read, in bytes; no more is held in memory. Default:
	// 65536, several times what the longest values of all fields amount to.
	MaxBody int64 `json:"max_body,omitempty"`

	// Demand a TLS client certificate that Caddy itself has verified, so a TLS
	// connection policy must ask for one and trust Tencent's CA. It proves who
	// sent the body, which the Sign parameter does not. Default: false.
	RequireClientCert bool `json:"require_client_cert,omitempty"`

	// Accept apps without a token: of their callbacks only SdkAppid is checked,
	// which is no secret. Default: false, since anybody could forge them.
	AllowUnsigned bool `json:"allow_unsigned,omitempty"`

	// Accept callbacks over plain HTTP. For development only, since Sign would
	// travel readably. Default: false.
	AllowHTTP bool `json:"allow_http,omitempty"`

	// What happens to other callback commands, all of which Tencent sends to the
	// same URL: `reject`, or `pass` to leave a verified callback to the handlers
	// after this one, body and answer untouched. Default: `reject`.
	OtherCommands string `json:"other_commands,omitempty"`

	// How a callback is answered: `forward` hands it to the handlers after this
	// one and tells Tencent what came of it; `ack` answers OK at once, and keeps
	// nothing but a log line if there is no queue. With a queue, `ack` answers OK
	// once the event is stored, and `forward` stores what could not be forwarded
	// and then answers OK. Default: `ack` with a queue, else `forward`.
	Answer string `json:"answer,omitempty"`

	// The body that the backend gets: `normalized`, or `original` for the one
	// that Tencent sent, byte for byte. Default: `normalized`.
	Body string `json:"body,omitempty"`

	// The budget for a whole request. Default: `1.8s`, since Tencent gives up
	// after 2 seconds.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// Standard Webhooks secrets, base64 of 24 to 64 bytes with or without
	// `whsec_`, which sign what goes to the backend: one signature each, so that
	// a secret can be rotated. Default: none, nothing is signed.
	Sign []string `json:"sign,omitempty"`

	// A durable queue for acknowledged events. Default: none.
	Queue *Queue `json:"queue,omitempty"`

	verifier *profile.Verifier
	secrets  []profile.Secret
	declared *declaredQueue // nil without a queue
	logger   *zap.Logger

	deliverSegment *caddyfile.Dispenser // while a Caddyfile is adapted
}

// App is an app of Tencent Cloud Chat.
type App struct {
	// The app's SDKAppID: decimal digits, 1 to 2^64-1 without leading zeros.
	// Placeholders such as `{env.SDK_APPID}` are expanded at provisioning.
	SDKAppID string `json:"sdk_appid"`

	// The token that is set in the app's console, 1 to 128 characters; several
	// while it is being changed, each of which is accepted. Placeholders such as
	// `{env.TIM_CALLBACK_TOKEN}` and `{file./run/secrets/tim}` are expanded at
	// provisioning, and are the way to keep tokens out of the configuration.
	// None is an error unless `require_client_cert` or `allow_unsigned` is set.
	Tokens []string `json:"tokens,omitempty"`
}

// CaddyModule returns the Caddy module information.
func (Handler) CaddyModule() caddy.ModuleInfo {
	return caddy.ModuleInfo{
		ID:  "http.handlers.tim_callback",
		New: func() caddy.Module { return new(Handler) },
	}
}

// Interface guards
var (
	_ caddy.Provisioner           = (*Handler)(nil)
	_ caddyhttp.MiddlewareHandler = (*Handler)(nil)
)
