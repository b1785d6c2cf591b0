package callback

import "net/http"

// Reason says why a request was refused. It appears in logs, as a label of metrics and in
// the output of the commands. [Reasons] lists all values.
type Reason string

// The reasons, in the order in which a request is checked.
const (
	ReasonPlainHTTP   Reason = "plain_http"
	ReasonEarlyData   Reason = "early_data"
	ReasonMethod      Reason = "method"
	ReasonClientCert  Reason = "client_cert"
	ReasonBadQuery    Reason = "bad_query"
	ReasonUnknownApp  Reason = "unknown_app"
	ReasonUnsigned    Reason = "unsigned"
	ReasonStale       Reason = "stale"
	ReasonBadSign     Reason = "bad_sign"
	ReasonContentType Reason = "content_type"
	ReasonCommand     Reason = "command"
	ReasonTooLarge    Reason = "too_large"
	ReasonBodyRead    Reason = "body_read"
	ReasonBadBody     Reason = "bad_body"
)

var reasons = []struct {
	reason Reason
	status int
	info   string
}{
	{ReasonPlainHTTP, http.StatusForbidden, "HTTPS is required"},
	{ReasonEarlyData, http.StatusTooEarly, "TLS early data is not accepted"},
	{ReasonMethod, http.StatusMethodNotAllowed, "the method must be POST"},
	{ReasonClientCert, http.StatusForbidden, "a verified TLS client certificate is required"},
	{ReasonBadQuery, http.StatusBadRequest, "the query is not that of a callback"},
	{ReasonUnknownApp, http.StatusForbidden, "SdkAppid is not an app of this endpoint"},
	{ReasonUnsigned, http.StatusUnauthorized, "Sign and RequestTime are required"},
	{ReasonStale, http.StatusUnauthorized, "RequestTime is too far from now"},
	{ReasonBadSign, http.StatusUnauthorized, "Sign does not match"},
	{ReasonContentType, http.StatusUnsupportedMediaType, "contenttype must be json"},
	{ReasonCommand, http.StatusForbidden, "this CallbackCommand is not accepted here"},
	{ReasonTooLarge, http.StatusRequestEntityTooLarge, "the body is too large"},
	{ReasonBodyRead, http.StatusBadRequest, "the body could not be read completely and in time"},
	{ReasonBadBody, http.StatusBadRequest, "the body is not that of a callback"},
}

// Reasons returns all reasons, in the order in which a request is checked.
func Reasons() []Reason {
	all := make([]Reason, len(reasons))
	for i := range reasons {
		all[i] = reasons[i].reason
	}
	return all
}

// Status returns the HTTP status of the response to a request that is refused for r. It
// returns 500 if r is not one of [Reasons].
func (r Reason) Status() int {
	for i := range reasons {
		if reasons[i].reason == r {
			return reasons[i].status
		}
	}
	return http.StatusInternalServerError
}

// Text explains r in one phrase, for people. It does not depend on the request. If r is
// not one of [Reasons], Text returns r itself.
func (r Reason) Text() string {
	for i := range reasons {
		if reasons[i].reason == r {
			return reasons[i].info
		}
	}
	return string(r)
}

// Error says that a request was refused and why. It never contains a token, a Sign or a
// value from the body.
type Error struct {
	Reason Reason
	Detail string // what exactly is wrong; may be empty
}

// Error returns the text of the reason, followed by the detail if there is one.
func (e *Error) Error() string {
	if e.Detail == "" {
		return e.Reason.Text()
	}
	return e.Reason.Text() + ": " + e.Detail
}

func refuse(r Reason, detail string) *Error { return &Error{Reason: r, Detail: detail} }
