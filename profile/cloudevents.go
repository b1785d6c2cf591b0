package profile

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// EventTypePrefix is what a CloudEvents type has before the callback command.
const EventTypePrefix = "com.tencent.im."

const sourcePrefix = "/tim/apps/"

// EventType is the CloudEvents type of an event.
func (e *Event) EventType() string { return EventTypePrefix + e.Command }

// Source is the CloudEvents source of an event: "/tim/apps/" and its SDKAppID.
func (e *Event) Source() string { return sourcePrefix + strconv.FormatUint(e.SDKAppID, 10) }

// SetHeaders sets [Event.Headers] in h; [StripHeaders] removes those that a client
// may have forged.
func (e *Event) SetHeaders(h http.Header) {
	for name, value := range e.Headers {
		h[name] = []string{value}
	}
}

// Headers yields the event's CloudEvents 1.0 attributes as headers, with their
// canonical names, for the HTTP binding's binary content mode. Attributes that the
// callback did not have are left out.
func (e *Event) Headers(yield func(name, value string) bool) {
	app := strconv.FormatUint(e.SDKAppID, 10)
	eventTime := ""
	if !e.EventTime.IsZero() {
		eventTime = e.EventTime.UTC().Format(TimeFormat)
	}
	for _, attribute := range [...][2]string{
		{"Ce-Specversion", "1.0"},
		{"Ce-Id", e.ID()},
		{"Ce-Source", sourcePrefix + app},
		{"Ce-Type", e.EventType()},
		{"Ce-Subject", e.FromAccount},
		{"Ce-Time", eventTime},
		{"Ce-Sdkappid", app},
		{"Ce-Operator", e.OperatorAccount},
		{"Ce-Platform", e.Platform},
		{"Ce-Clientip", e.ClientIP},
		{"Ce-Changed", strings.Join(e.Changed(), ",")},
	} {
		if attribute[1] != "" && !yield(attribute[0], encodeHeader(attribute[1])) {
			return
		}
	}
}

// StripHeaders removes every ce-* and webhook-* header, so that what [Event.SetHeaders]
// and [SignWebhook] set is all that a backend sees of them. Names that a CGI-like
// backend could not tell from these, with "_" or "." for "-", go too.
func StripHeaders(h http.Header) {
	for name := range h {
		if hasHeaderPrefix(name, "ce") || hasHeaderPrefix(name, "webhook") {
			delete(h, name)
		}
	}
}

func hasHeaderPrefix(name, prefix string) bool {
	return len(name) > len(prefix) && strings.EqualFold(name[:len(prefix)], prefix) &&
		strings.IndexByte("-_.", name[len(prefix)]) >= 0
}

// encodeHeader makes a CloudEvents attribute a header value: characters that
// CloudEvents forbids become U+FFFD, then all that is not printable ASCII, and
// space, quote and percent, are percent-encoded as the HTTP binding says (3.1.3.2).
func encodeHeader(s string) string {
	plain := true
	for i := range len(s) {
		if c := s[i]; c <= ' ' || c >= 0x7f || c == '"' || c == '%' {
			plain = false
			break
		}
	}
	if plain {
		return s
	}
	const hex = "0123456789ABCDEF"
	var b strings.Builder
	b.Grow(3 * len(s))
	for _, r := range s {
		if forbidden(r) {
			r = utf8.RuneError
		}
		if r > ' ' && r < 0x7f && r != '"' && r != '%' {
			b.WriteByte(byte(r))
			continue
		}
		var buf [utf8.UTFMax]byte
		for _, c := range buf[:utf8.EncodeRune(buf[:], r)] {
			b.WriteByte('%')
			b.WriteByte(hex[c>>4])
			b.WriteByte(hex[c&0xf])
		}
	}
	return b.String()
}

// forbidden reports whether a CloudEvents string must not hold r: control
// characters and noncharacters (surrogates cannot come out of valid UTF-8).
func forbidden(r rune) bool {
	return r < 0x20 || r >= 0x7f && r <= 0x9f || r >= 0xfdd0 && r <= 0xfdef || r&0xfffe == 0xfffe
}
