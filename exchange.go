package timcallback

import (
	"strconv"
	"time"

	"go.uber.org/zap"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/event"
	"github.com/d13c7061/caddy-tim-callback/internal/placeholder"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

// exchange is one request on its way through the handler, and its answer.
type exchange struct {
	query    callback.Query
	rawQuery string      // as it was received
	event    event.Event // once decoded is true
	decoded  bool
	reason   callback.Reason // "" unless the request is refused
	began    time.Time
	deadline time.Time
	counted  bool

	// once it is answered
	result recent.Result
	status int

	// for those who look it up later, see remember
	clientIP  string // of who has sent the request
	detail    string // of the refusal
	queue     string // that was asked to store the event
	stored    bool   // by the queue
	duplicate bool   // the queue knew the event already
	undecided bool
	id        [32]byte // memory for the ID of the event
}

// Attributes implements [placeholder.Source].
func (x *exchange) Attributes() callback.Attributes {
	if !x.decoded {
		return callback.Attributes{SDKAppID: x.query.SDKAppID, Command: x.query.Command}
	}
	return x.event.Attributes()
}

// FromAccount implements [placeholder.Source].
func (x *exchange) FromAccount() string {
	if !x.decoded {
		return ""
	}
	return x.event.FromAccount()
}

// Reason implements [placeholder.Source].
func (x *exchange) Reason() callback.Reason { return x.reason }

// placeholder evaluates a placeholder when a handler or a log asks for it.
func (x *exchange) placeholder(key string) (any, bool) { return placeholder.Value(key, x) }

// identity returns the log fields that tell which event it is. They have no values of
// the payload but the UserIDs.
func (x *exchange) identity() []zap.Field {
	app, _ := strconv.ParseUint(x.query.SDKAppID, 10, 64) // verified
	fields := []zap.Field{
		zap.String("event_id", x.event.ID()),
		zap.Uint64("sdk_appid", app),
		zap.String("command", x.query.Command),
	}
	if x.event.IsProfile() {
		return append(fields,
			zap.String("from_account", x.event.Subject()),
			zap.String("operator_account", x.event.Operator()),
			zap.Strings("changed", x.event.Changed()))
	}
	return append(fields, zap.String("subject", x.event.Subject()), zap.String("operator_account", x.event.Operator()))
}

// claimed returns the log fields that tell what a request claims to be, before its
// body is decoded.
func (x *exchange) claimed() []zap.Field {
	return []zap.Field{zap.String("sdk_appid", loggable(x.query.SDKAppID)), zap.String("command", loggable(x.query.Command))}
}

// loggable limits what an unverified request can put into a log line.
func loggable(s string) string {
	const most = 128
	if len(s) <= most {
		return s
	}
	return s[:most] + "…"
}

// withoutSign returns a text without the Sign of the request, which an error may quote.
func (x *exchange) withoutSign(text string) string { return callback.Redact(text, x.rawQuery) }
