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

// parameter returns the field for a parameter's name, which is compared without
// case since Tencent's documents spell SdkAppid in two ways. The fold is
// Unicode's: a look-alike must not become a second, unseen value.
func (q *Query) parameter(name string) (*string, string) {
	switch {
	case strings.EqualFold(name, "SdkAppid"):
		return &q.SDKAppID, "SdkAppid"
	case strings.EqualFold(name, "CallbackCommand"):
		return &q.Command, "CallbackCommand"
	case strings.EqualFold(name, "contenttype"):
		return &q.ContentType, "contenttype"
	case strings.EqualFold(name, "ClientIP"):
		return &q.ClientIP, "ClientIP"
	case strings.EqualFold(name, "OptPlatform"):
		return &q.OptPlatform, "OptPlatform"
	case strings.EqualFold(name, "RequestTime"):
		return &q.RequestTime, "RequestTime"
	case strings.EqualFold(name, "Sign"):
		return &q.Sign, "Sign"
	}
	return nil, ""
}

// ParseQuery reads a callback's raw URL query. Each known parameter may stand
// there once, SdkAppid and CallbackCommand must be there and not be empty, and
// the whole must be well-formed by the rules of [url.ParseQuery]; parameters of
// the callback URL itself are left alone. Errors are [*Error] with
// [ReasonBadQuery]; what was read until then is returned with them, for logs.
func ParseQuery(raw string) (Query, error) {
	var q Query
	var seen [7]*string
	n := 0
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
		field, known := q.parameter(name)
		value, err = unescape(value)
		if err != nil {
			if field == nil {
				known = "another parameter"
			}
			return q, refuse(ReasonBadQuery, known+" is not well-formed percent-encoding")
		}
		if field == nil {
			continue
		}
		for _, s := range seen[:n] {
			if s == field {
				return q, refuse(ReasonBadQuery, known+" is there more than once")
			}
		}
		seen[n] = field
		n++
		*field = value
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
