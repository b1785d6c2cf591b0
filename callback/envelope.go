package callback

import (
	"encoding/json"
	"strconv"
	"strings"
	"time"
)

// Envelope is the normalized form of a callback other than Profile.CallbackPortraitSet:
// what a backend gets from the module. A backend reads it with encoding/json.
type Envelope struct {
	SDKAppID uint64 `json:"sdk_appid"`
	Command  string `json:"command"`

	// EventTime is when the event happened, to the millisecond, in UTC. It is the zero
	// time if the callback has none.
	EventTime time.Time `json:"event_time,omitzero"`

	// Platform is where the event was caused: "ios", "android", "rest_api" or another
	// word; "" if it is absent.
	Platform string `json:"platform,omitempty"`

	// ClientIP is the address of the chat client; "" if it is absent.
	ClientIP string `json:"client_ip,omitempty"`

	// Subject is whose event it is; "" if the callback does not tell.
	Subject string `json:"subject,omitempty"`

	// Data is the body as Tencent has sent it, one JSON object.
	Data json.RawMessage `json:"data"`
}

// AppendJSON appends the envelope to dst, as envelope.schema.json beside this file
// describes it. Data is appended byte for byte.
func (e *Envelope) AppendJSON(dst []byte) []byte {
	dst = strconv.AppendUint(append(dst, `{"sdk_appid":`...), e.SDKAppID, 10)
	dst = AppendQuote(append(dst, `,"command":`...), e.Command)
	if !e.EventTime.IsZero() {
		dst = append(dst, `,"event_time":"`...)
		dst = append(e.EventTime.UTC().AppendFormat(dst, TimeFormat), '"')
	}
	for _, m := range [...][2]string{{"platform", e.Platform}, {"client_ip", e.ClientIP}, {"subject", e.Subject}} {
		if m[1] != "" {
			dst = append(append(append(dst, ',', '"'), m[0]...), '"', ':')
			dst = AppendQuote(dst, m[1])
		}
	}
	dst = append(dst, `,"data":`...)
	return append(append(dst, e.Data...), '}')
}

// PlatformName returns the normalized form of the OptPlatform parameter: in lower case,
// "rest_api" for RESTAPI and "macos" for Mac.
func PlatformName(opt string) string {
	switch opt {
	case "iOS":
		return "ios"
	case "Android":
		return "android"
	}
	switch s := strings.ToLower(opt); s {
	case "restapi":
		return "rest_api"
	case "mac":
		return "macos"
	default:
		return s
	}
}
