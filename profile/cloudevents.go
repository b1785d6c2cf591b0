package profile

import (
	"net/http"
	"strconv"
	"strings"
	"unicode/utf8"
)

// EventTypePrefix is what a CloudEvents type has before the callback command.
const EventTypePrefix = "com.tencent.im."

// EventType is the CloudEvents type of an event.
func (e *Event) EventType() string { return EventTypePrefix + e.Command }

// Source is the CloudEvents source of an event: "/tim/apps/" and its SDKAppID.
func (e *Event) Source() string { return "/tim/apps/" + strconv.FormatUint(e.SDKAppID, 10) }

// SetHeaders sets the event's CloudEvents 1.0 attributes as headers, for the HTTP
// binding's binary content mode. Attributes that the callback did not have are
// left out; [StripHeaders] removes those that a client may have forged.
func (e *Event) SetHeaders(h http.Header) {
	set := func(canonicalName, value string) {
		if value != "" {
			h[canonicalName] = []string{encodeHeader(value)}
		}
	}
	set("Ce-Specversion", "1.0")
	set("Ce-Id", e.ID())
	set("Ce-Source", e.Source())
	set("Ce-Type", e.EventType())
	set("Ce-Subject", e.FromAccount)
	if !e.EventTime.IsZero() {
		set("Ce-Time", e.EventTime.UTC().Format(TimeFormat))
	}
	set("Ce-Sdkappid", strconv.FormatUint(e.SDKAppID, 10))
	set("Ce-Operator", e.OperatorAccount)
	set("Ce-Platform", e.Platform)
	set("Ce-Clientip", e.ClientIP)
	set("Ce-Changed", strings.Join(e.Changed(), ","))
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
