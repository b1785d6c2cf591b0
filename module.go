// Package timcallback is a Caddy module that receives the callbacks of Tencent Cloud
// Chat (IM) at the edge: it verifies that a callback is genuine, turns it into one
// clean event, and answers Tencent itself or hands the event to the app's backend.
package timcallback

import (
	"time"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2"
	"github.com/caddyserver/caddy/v2/caddyconfig/caddyfile"
	"github.com/caddyserver/caddy/v2/modules/caddyhttp"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/backend"
	"github.com/d13c7061/caddy-tim-callback/internal/queues"

	// the admin API and the commands of the module
	_ "github.com/d13c7061/caddy-tim-callback/internal/admin"
	_ "github.com/d13c7061/caddy-tim-callback/internal/command"

	// the page for operators, a handler of its own
	_ "github.com/d13c7061/caddy-tim-callback/inspector"

	// the stores of queues
	_ "github.com/d13c7061/caddy-tim-callback/queue/file"
	_ "github.com/d13c7061/caddy-tim-callback/queue/postgres"
)

func init() {
	caddy.RegisterModule(Handler{})
}

// The defaults of a [Handler].
const (
	DefaultMaxBody = 64 << 10
	DefaultTimeout = 1800 * time.Millisecond
)

// tencentTimeout is how long Tencent waits for an answer.
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

// Handler verifies callbacks of Tencent Cloud Chat and takes those of the configured
// commands, by default Profile.CallbackPortraitSet ("a user's profile was changed"). A
// callback that is not genuine is refused. Whatever happens, Tencent gets one valid JSON
// answer within the 2 seconds for which it waits.
//
// Placeholders for later handlers and logs:
//
// Placeholder | Description
// ------------|---------------
// `{http.tim_callback.sdk_appid}` | SDKAppID of the callback's app
// `{http.tim_callback.command}` | Callback command
// `{http.tim_callback.from_account}` | From_Account of the body, e.g. whose profile was changed or who sent a message; empty without one
// `{http.tim_callback.operator_account}` | Operator_Account of the body: who caused the event; empty without one
// `{http.tim_callback.platform}` | Platform on which the event was caused: `ios`, `rest_api`, …
// `{http.tim_callback.client_ip}` | IP address of the chat client
// `{http.tim_callback.event_id}` | ID of the event, the same whenever the callback is sent again
// `{http.tim_callback.changed}` | Names of the changed fields of a profile, comma-separated; empty for other commands
// `{http.tim_callback.reason}` | Why the request was refused; empty if it was not
//
// For a refused request, SDKAppID and command are what the request claims.
type Handler struct {
	// The apps whose callbacks are taken. At least one is required.
	Apps []App `json:"apps,omitempty"`

	// How far the RequestTime of a signed callback may be from now, in either
	// direction and in whole seconds. Default: `60s`, which Tencent recommends
	// against replay.
	MaxAge caddy.Duration `json:"max_age,omitempty"`

	// The size of the largest body that is accepted, in bytes. No more than that is
	// held in memory. Default: 65536, which is several times the size of a callback
	// with the longest values in all fields.
	MaxBody int64 `json:"max_body,omitempty"`

	// Demand a TLS client certificate that Caddy itself has verified, so a TLS
	// connection policy must ask for one and trust Tencent's CA. It proves who
	// sent the body, which the Sign parameter does not. Default: false.
	RequireClientCert bool `json:"require_client_cert,omitempty"`

	// Accept apps without a token. Only the SdkAppid of their callbacks is checked,
	// and that is not a secret. Default: false, since anybody could forge them.
	AllowUnsigned bool `json:"allow_unsigned,omitempty"`

	// Accept callbacks over plain HTTP. This is for development only, since anybody
	// on the way could read the Sign. Default: false.
	AllowHTTP bool `json:"allow_http,omitempty"`

	// Which callback commands are taken: names such as `C2C.CallbackAfterSendMsg`,
	// families such as `Group.*`, `profile` for Profile.CallbackPortraitSet, or `all`.
	// Default: `profile`.
	Commands []string `json:"commands,omitempty"`

	// What happens to other callback commands, which Tencent sends to the same URL:
	// `reject` refuses them, `pass` leaves a verified callback to the next handlers,
	// with its body and their answer unchanged. Default: `reject`.
	OtherCommands string `json:"other_commands,omitempty"`

	// What Tencent is told if a callback asks for a decision and the next handlers do
	// not give one in time. The first policy counts whose commands include that of the
	// callback. Default: `error` for all.
	Undecided []Undecided `json:"undecided,omitempty"`

	// How a callback is answered that brings news: `forward` hands it to the next handlers and tells
	// Tencent the outcome; `ack` answers OK at once, and without a queue keeps only a
	// log line. With a queue, `ack` answers OK once the event is stored, and
	// `forward` stores an event that the next handlers do not take, and then answers
	// OK. Default: `ack` with a queue, else `forward`.
	Answer string `json:"answer,omitempty"`

	// The body that the backend gets: `normalized`, or `original` for the body that
	// Tencent has sent, byte for byte. Default: `normalized`.
	Body string `json:"body,omitempty"`

	// The time budget for the whole request. Default: `1.8s`, since Tencent gives up
	// after 2 seconds.
	Timeout caddy.Duration `json:"timeout,omitempty"`

	// Standard Webhooks secrets, base64 of 24 to 64 bytes with or without
	// `whsec_`. They sign the requests to the backend, each with a signature of its
	// own, so that a secret can be rotated. Default: none, nothing is signed.
	Sign []string `json:"sign,omitempty"`

	// A durable queue for acknowledged events. Default: none.
	Queue *Queue `json:"queue,omitempty"`

	verifier *callback.Verifier
	taken    []callback.Pattern // of Commands
	backend  backend.Options    // what the next handlers get
	queue    *queues.Queue      // nil without a queue
	logger   *zap.Logger

	deliverSegment *caddyfile.Dispenser // while a Caddyfile is adapted
}

// App is an app of Tencent Cloud Chat.
type App struct {
	// The app's SDKAppID: decimal digits, 1 to 2^64-1 without leading zeros.
	// Placeholders such as `{env.SDK_APPID}` are expanded at provisioning.
	SDKAppID string `json:"sdk_appid"`

	// The token that is set in the app's console, 1 to 128 characters. While it is
	// being changed there may be several, and each is accepted. Placeholders such as
	// `{env.TIM_CALLBACK_TOKEN}` and `{file./run/secrets/tim}` are expanded at
	// provisioning; use them to keep tokens out of the configuration. It is an error
	// to set none, unless `require_client_cert` or `allow_unsigned` is set.
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
