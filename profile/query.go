package profile

import (
	"net/url"
	"strings"
)

// Query holds the URL parameters that Tencent adds to the callback URL, as sent.
// An absent parameter is the empty string, and an empty one counts as absent.
type Query struct {
	SDKAppID    string // SdkAppid: the app, decimal digits
	Command     string // CallbackCommand, e.g. "Profile.CallbackPortraitSet"
	ContentType string // contenttype: absent or "json", in any case
	ClientIP    string // ClientIP: the address of the chat client, IPv4 or IPv6
	OptPlatform string // OptPlatform: "RESTAPI", "iOS", "Android", …
	RequestTime string // RequestTime: Unix seconds at which the request was signed
	Sign        string // Sign: hex of sha256(Token + RequestTime); a secret for as long as RequestTime is fresh
}

var parameterNames = [...]string{"SdkAppid", "CallbackCommand", "contenttype", "ClientIP", "OptPlatform", "RequestTime", "Sign"}

// field is where the parameter of parameterNames[n] goes.
func (q *Query) field(n int) *string {
	return [...]*string{&q.SDKAppID, &q.Command, &q.ContentType, &q.ClientIP, &q.OptPlatform, &q.RequestTime, &q.Sign}[n]
}

// parameter returns the number of a known parameter. Names are compared without
// case since Tencent's documents spell SdkAppid in two ways. The fold is Unicode's:
// a look-alike must not become a second, unseen value.
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

// ParseQuery reads a callback's raw URL query. Each known parameter may stand
// there once, SdkAppid and CallbackCommand must be there and not be empty, and
// the whole must be well-formed by the rules of [url.ParseQuery]; parameters of
// the callback URL itself are left alone. Errors are [*Error] with
// [ReasonBadQuery]; what was read until then is returned with them, for logs.
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
			return q, refuse(ReasonBadQuery, parameterNames[n]+" is there more than once")
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

// unescape spares what has nothing to unescape, which is nearly everything.
func unescape(s string) (string, error) {
	if strings.IndexByte(s, '%') < 0 && strings.IndexByte(s, '+') < 0 {
		return s, nil
	}
	return url.QueryUnescape(s)
}

// IsJSON reports whether the contenttype parameter allows a JSON body.
func (q Query) IsJSON() bool {
	return q.ContentType == "" || strings.EqualFold(q.ContentType, "json")
}
