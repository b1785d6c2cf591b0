package callback

import (
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"time"
)

// TimeFormat is the layout in which an event's time is written, for [time.Time.Format]:
// RFC 3339 with milliseconds.
const TimeFormat = "2006-01-02T15:04:05.000Z07:00"

const (
	eventTypePrefix = "com.tencent.im."
	sourcePrefix    = "/tim/apps/"
)

// Attributes are the CloudEvents 1.0 attributes of an event, including extensions.
// A backend receives them as ce-* headers. An attribute that the callback did not have
// is empty.
type Attributes struct {
	ID           string // the same whenever the same callback is sent again
	SDKAppID     string // the app; also part of the CloudEvents source, "/tim/apps/<sdk_appid>"
	Command      string // the callback command; part of the CloudEvents type, "com.tencent.im.<command>"
	Subject      string // whose event it is: a UserID, a group ID or something else, depending on the command
	Time         string // when it happened, in [TimeFormat] and UTC
	PartitionKey string // the key of the lane in which events stay in order
	Sequence     string // the event's number in its queue, see [FormatSequence]; only on deliveries from a queue
	Operator     string // who caused the event
	Platform     string // platform of the client that caused the event, in lower case: "ios", "rest_api", …
	ClientIP     string // IP address of the chat client
	Changed      string // names of the changed fields of a profile, comma-separated
}

// FormatTime returns a time in [TimeFormat], and "" for the zero time.
func FormatTime(t time.Time) string {
	if t.IsZero() {
		return ""
	}
	return t.UTC().Format(TimeFormat)
}

// SequenceHeader is the header of [Attributes.Sequence].
const SequenceHeader = "Ce-Sequence"

// FormatSequence returns the number of an event in its queue as [Attributes.Sequence] has it. It has 20
// digits, so that the order of these texts is that of the numbers, as CloudEvents' extension demands.
func FormatSequence(n uint64) string { return fmt.Sprintf("%020d", n) }

// Type returns the CloudEvents type of the event, or "" if there is no command.
func (a *Attributes) Type() string {
	if a.Command == "" {
		return ""
	}
	return eventTypePrefix + a.Command
}

// CommandOf returns the callback command of a CloudEvents type.
func CommandOf(eventType string) string { return strings.TrimPrefix(eventType, eventTypePrefix) }

func (a *Attributes) source() string {
	if a.SDKAppID == "" {
		return ""
	}
	return sourcePrefix + a.SDKAppID
}

// each yields the header name and the value of every attribute that is not empty. This
// is the only list of all attributes.
func (a *Attributes) each(yield func(header, value string) bool) {
	for _, attribute := range [...][2]string{
		{"Ce-Specversion", "1.0"},
		{"Ce-Id", a.ID},
		{"Ce-Source", a.source()},
		{"Ce-Type", a.Type()},
		{"Ce-Subject", a.Subject},
		{"Ce-Time", a.Time},
		{"Ce-Partitionkey", a.PartitionKey},
		{SequenceHeader, a.Sequence},
		{"Ce-Sdkappid", a.SDKAppID},
		{"Ce-Operator", a.Operator},
		{"Ce-Platform", a.Platform},
		{"Ce-Clientip", a.ClientIP},
		{"Ce-Changed", a.Changed},
	} {
		if attribute[1] != "" && !yield(attribute[0], attribute[1]) {
			return
		}
	}
}

// Headers yields the name and value of the HTTP header of every attribute that is not
// empty, as the binary content mode of CloudEvents' HTTP binding has them. The names are
// canonical header names.
func (a *Attributes) Headers(yield func(name, value string) bool) {
	for name, value := range a.each {
		if !yield(name, encodeHeader(value)) {
			return
		}
	}
}

// SetHeaders sets the headers of [Attributes.Headers] in h. Call [StripHeaders] first, to
// remove headers that a client may have forged.
func (a *Attributes) SetHeaders(h http.Header) {
	for name, value := range a.Headers {
		h[name] = []string{value}
	}
}

// ParseHeaders reads the attributes from headers that [Attributes.SetHeaders] wrote.
func ParseHeaders(h http.Header) Attributes {
	return Attributes{
		ID:           decodeHeader(h.Get("Ce-Id")),
		SDKAppID:     decodeHeader(h.Get("Ce-Sdkappid")),
		Command:      CommandOf(decodeHeader(h.Get("Ce-Type"))),
		Subject:      decodeHeader(h.Get("Ce-Subject")),
		Time:         decodeHeader(h.Get("Ce-Time")),
		PartitionKey: decodeHeader(h.Get("Ce-Partitionkey")),
		Sequence:     decodeHeader(h.Get(SequenceHeader)),
		Operator:     decodeHeader(h.Get("Ce-Operator")),
		Platform:     decodeHeader(h.Get("Ce-Platform")),
		ClientIP:     decodeHeader(h.Get("Ce-Clientip")),
		Changed:      decodeHeader(h.Get("Ce-Changed")),
	}
}

// Structured returns the attributes and data together as one event in CloudEvents' JSON
// format, which is used in structured content mode. It returns an error if data is not
// valid JSON.
func (a *Attributes) Structured(data []byte) ([]byte, error) {
	event := map[string]any{"datacontenttype": "application/json", "data": json.RawMessage(data)}
	for name, value := range a.each {
		event[strings.ToLower(strings.TrimPrefix(name, "Ce-"))] = value
	}
	return json.Marshal(event)
}

// StripHeaders removes every ce-* and webhook-* header from h, so that a backend sees
// only those that [Attributes.SetHeaders] and [SignWebhook] set. It also removes names
// that have "_", "." or another character in place of "-", because a CGI-like backend
// could not tell them from the real ones.
func StripHeaders(h http.Header) {
	for name := range h {
		if hasHeaderPrefix(name, "ce") || hasHeaderPrefix(name, "webhook") {
			delete(h, name)
		}
	}
}

func hasHeaderPrefix(name, prefix string) bool {
	if len(name) <= len(prefix) || !strings.EqualFold(name[:len(prefix)], prefix) {
		return false
	}
	c := name[len(prefix)]
	return (c < 'a' || c > 'z') && (c < 'A' || c > 'Z') && (c < '0' || c > '9')
}

// decodeHeader reverses encodeHeader. A value whose percent-encoding is malformed is
// returned unchanged.
func decodeHeader(s string) string {
	if decoded, err := url.PathUnescape(s); err == nil {
		return decoded
	}
	return s
}
