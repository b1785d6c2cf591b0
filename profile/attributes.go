package profile

import (
	"strconv"
	"strings"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// Attributes returns the event's CloudEvents attributes. It calls [Event.ID], so the first
// call must not run concurrently with another one.
func (e *Event) Attributes() callback.Attributes {
	app := strconv.FormatUint(e.SDKAppID, 10)
	return callback.Attributes{
		ID:           e.ID(),
		SDKAppID:     app,
		Command:      e.Command,
		Subject:      e.FromAccount,
		Operator:     e.OperatorAccount,
		Platform:     e.Platform,
		ClientIP:     e.ClientIP,
		Changed:      strings.Join(e.Changed(), ","),
		Time:         callback.FormatTime(e.EventTime),
		PartitionKey: callback.LaneKey(app, callback.LaneAccount, e.FromAccount),
	}
}
