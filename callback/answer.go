package callback

import (
	"errors"
	"strconv"

	"github.com/go-json-experiment/json"
)

// MaxAnswer is the largest body, in bytes, that [ParseAnswer] accepts.
const MaxAnswer = 64 << 10

// ActionStatus values of an [Answer].
const (
	StatusOK   = "OK"
	StatusFail = "FAIL"
)

// Answer is the body of the response to a callback. Tencent expects it with HTTP
// status 200, within 2 seconds.
type Answer struct {
	ActionStatus string // "OK" or "FAIL"
	ErrorCode    int64  // 0 for OK and 1 for FAIL; for a callback before an action, 1 forbids the action
	ErrorInfo    string // what went wrong, for people; empty for OK
}

// OK returns the answer to a callback that was accepted.
func OK() Answer { return Answer{ActionStatus: StatusOK} }

// Fail returns the answer to a callback that was not accepted. info says why and
// becomes ErrorInfo.
func Fail(info string) Answer {
	return Answer{ActionStatus: StatusFail, ErrorCode: 1, ErrorInfo: info}
}

// JSON returns the answer as the body of a response.
func (a Answer) JSON() []byte {
	b := AppendQuote([]byte(`{"ActionStatus":`), a.ActionStatus)
	b = strconv.AppendInt(append(b, `,"ErrorCode":`...), a.ErrorCode, 10)
	b = AppendQuote(append(b, `,"ErrorInfo":`...), a.ErrorInfo)
	return append(b, '}')
}

// ParseAnswer reads the body of a response to a callback. It returns an error unless
// the body is one JSON object of at most [MaxAnswer] bytes with ActionStatus "OK" or
// "FAIL", an integer ErrorCode and a string ErrorInfo. Other members are ignored.
func ParseAnswer(body []byte) (Answer, error) {
	if len(body) > MaxAnswer {
		return Answer{}, errors.New("the body is too large for a callback answer")
	}
	var a struct {
		ActionStatus *string `json:"ActionStatus"`
		ErrorCode    *int64  `json:"ErrorCode"`
		ErrorInfo    *string `json:"ErrorInfo"`
	}
	if err := json.Unmarshal(body, &a); err != nil {
		return Answer{}, errors.New("the body is not a JSON object with the types of a callback answer")
	}
	switch {
	case a.ActionStatus == nil || a.ErrorCode == nil || a.ErrorInfo == nil:
		return Answer{}, errors.New("ActionStatus, ErrorCode and ErrorInfo are required")
	case *a.ActionStatus != StatusOK && *a.ActionStatus != StatusFail:
		return Answer{}, errors.New("ActionStatus is neither OK nor FAIL")
	}
	return Answer{*a.ActionStatus, *a.ErrorCode, *a.ErrorInfo}, nil
}
