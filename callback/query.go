package callback

import (
	"net/url"
	"strings"
)

// Query holds the values, as they were sent, of the parameters that Tencent adds to the
// callback URL. An absent parameter is "", and an empty one counts as absent.
type Query struct {
	SDKAppID    string // SdkAppid: the app, in decimal digits
	Command     string // CallbackCommand: e.g. "Profile.CallbackPortraitSet"
	ContentType string // contenttype: absent or "json", in any case
	ClientIP    string // ClientIP: the address of the chat client, IPv4 or IPv6
	OptPlatform string // OptPlatform: "RESTAPI", "iOS", "Android", …
	RequestTime string // RequestTime: Unix seconds at which the request was signed
	Sign        string // Sign: hex of sha256(Token + RequestTime); a secret for as long as RequestTime is fresh
}

var parameterNames = [...]string{"SdkAppid", "CallbackCommand", "contenttype", "ClientIP", "OptPlatform", "RequestTime", "Sign"}

// field returns where the value of the parameter parameterNames[n] is stored.
func (q *Query) field(n int) *string {
	return [...]*string{&q.SDKAppID, &q.Command, &q.ContentType, &q.ClientIP, &q.OptPlatform, &q.RequestTime, &q.Sign}[n]
}

// parameter returns the index of name in parameterNames. Names are compared without
// regard to case, since Tencent's documents spell SdkAppid in two ways. The comparison
// uses Unicode's case folding, so that a name with a look-alike letter cannot bring in a
// second value unnoticed.
func parameter(name string) (n int, known bool) {
	for n, known := range parameterNames {
		if name == known {
			return n, true
		}
	}
	for n, known := range parameterNames {
		if strings.EqualFold(name, known) {
			return n, true
		}
	}
	return 0, false
}

// ParseQuery reads the raw query of a callback's URL. SdkAppid and CallbackCommand are
// required, no known parameter may occur more than once, and the whole query must be
// well-formed by the rules of [url.ParseQuery]. Other parameters, which belong to the
// callback URL itself, are ignored. Errors are [*Error] with [ReasonBadQuery]; together
// with an error, ParseQuery returns the parameters that it had read so far, for logs.
func ParseQuery(raw string) (Query, error) {
	var q Query
	var seen [len(parameterNames)]bool
	for raw != "" {
		var pair string
		pair, raw, _ = strings.Cut(raw, "&")
		if pair == "" {
			continue
		}
		if strings.IndexByte(pair, ';') >= 0 {
			return q, refuse(ReasonBadQuery, "a semicolon where only & may separate parameters")
		}
		name, value, _ := strings.Cut(pair, "=")
		name, err := unescape(name)
		if err != nil {
			return q, refuse(ReasonBadQuery, "a parameter's name is not well-formed percent-encoding")
		}
		n, known := parameter(name)
		value, err = unescape(value)
		switch {
		case err != nil && known:
			return q, refuse(ReasonBadQuery, parameterNames[n]+" is not well-formed percent-encoding")
		case err != nil:
			return q, refuse(ReasonBadQuery, "another parameter is not well-formed percent-encoding")
		case !known:
			continue
		case seen[n]:
			return q, refuse(ReasonBadQuery, parameterNames[n]+" occurs more than once")
		}
		seen[n] = true
		*q.field(n) = value
	}
	switch {
	case q.SDKAppID == "":
		return q, refuse(ReasonBadQuery, "SdkAppid is missing")
	case q.Command == "":
		return q, refuse(ReasonBadQuery, "CallbackCommand is missing")
	}
	return q, nil
}

// unescape is [url.QueryUnescape], but fast for strings without escapes, which are the
// usual case.
func unescape(s string) (string, error) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, nil
	}
	return url.QueryUnescape(s)
}

// IsJSON reports whether the contenttype parameter is absent or "json", in any case.
func (q Query) IsJSON() bool {
	return q.ContentType == "" || strings.EqualFold(q.ContentType, "json")
}

// RequestID returns the parameter RequestId of a raw query, which some callbacks have and
// Tencent does not document; "" without it. It must look like a UUID: a parameter of the
// callback URL itself that happens to have this name says nothing about a callback. If it
// occurs more than once, the first counts.
func RequestID(rawQuery string) string {
	for pair := range strings.SplitSeq(rawQuery, "&") {
		name, value, _ := strings.Cut(pair, "=")
		if name, err := unescape(name); err != nil || !strings.EqualFold(name, "RequestId") {
			continue
		}
		value = strings.ToLower(value)
		if digits := strings.ReplaceAll(value, "-", ""); len(digits) == 32 && strings.Trim(digits, "0123456789abcdef") == "" {
			return value
		}
		return ""
	}
	return ""
}

// StripQuery removes the parameters Sign and RequestTime, which must not be stored, from
// a URL's raw query. It finds them under every spelling that [ParseQuery] accepts, in any
// case and percent-encoding. All other parameters stay byte for byte as they are.
func StripQuery(rawQuery string) string {
	return string(AppendStripped(make([]byte, 0, len(rawQuery)), rawQuery))
}

// AppendStripped appends to dst what [StripQuery] returns.
func AppendStripped(dst []byte, rawQuery string) []byte {
	first, more := true, true
	for more {
		var pair string
		pair, rawQuery, more = strings.Cut(rawQuery, "&")
		if secretParameter(pair) {
			continue
		}
		if !first {
			dst = append(dst, '&')
		}
		dst = append(dst, pair...)
		first = false
	}
	return dst
}

func secretParameter(pair string) bool {
	name, _, _ := strings.Cut(pair, "=")
	if strings.IndexByte(name, '%') < 0 && strings.IndexByte(name, '+') < 0 {
		switch len(name) {
		case len("Sign"), len("\u017fign"), len("RequestTime"), len("Reque\u017ftTime"): // the long s folds to s
		default:
			return false
		}
	} else {
		var err error
		if name, err = url.QueryUnescape(name); err != nil {
			return false // not a callback: ParseQuery refuses the whole query
		}
	}
	return strings.EqualFold(name, "Sign") || strings.EqualFold(name, "RequestTime")
}

// Redact returns a text without the values that authenticate a callback, which an error
// may quote from its URL. rawQuery is the query of that URL.
func Redact(text, rawQuery string) string {
	for pair := range strings.SplitSeq(rawQuery, "&") {
		if !secretParameter(pair) {
			continue
		}
		_, value, _ := strings.Cut(pair, "=")
		decoded, _ := unescape(value)
		for _, secret := range []string{value, decoded} {
			if len(secret) >= minSecret {
				text = strings.ReplaceAll(text, secret, "REDACTED")
			}
		}
	}
	return text
}

// minSecret is the length of the shortest value that [Redact] looks for: a RequestTime or
// anything longer.
const minSecret = 8
