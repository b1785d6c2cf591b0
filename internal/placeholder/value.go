package placeholder

import (
	"strings"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// Source is what {http.tim_callback.*} tell about: a request or a stored event.
type Source interface {
	// Attributes returns those of the event, as far as they are known already.
	Attributes() callback.Attributes

	// FromAccount returns the From_Account of the body, if it is known already.
	FromAccount() string

	// Reason returns why the request was refused; "" if it was not.
	Reason() callback.Reason
}

const prefix = "http.tim_callback."

// Value evaluates a placeholder of the group {http.tim_callback.*}. It returns false
// for a key that is not in the group.
func Value(key string, of Source) (any, bool) {
	name, ok := strings.CutPrefix(key, prefix)
	if !ok {
		return nil, false
	}
	switch name {
	case "reason":
		return string(of.Reason()), true
	case "from_account":
		return of.FromAccount(), true
	}
	a := of.Attributes()
	switch name {
	case "sdk_appid":
		return a.SDKAppID, true
	case "command":
		return a.Command, true
	case "operator_account":
		return a.Operator, true
	case "platform":
		return a.Platform, true
	case "client_ip":
		return a.ClientIP, true
	case "event_id":
		return a.ID, true
	case "changed":
		return a.Changed, true
	}
	return nil, false
}
