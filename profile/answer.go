package profile

import (
	"errors"
	"strconv"

	"github.com/go-json-experiment/json"
)

// MaxAnswer is the size in bytes beyond which a body is no callback answer.
const MaxAnswer = 64 << 10

// ActionStatus values of an [Answer].
const (
	StatusOK   = "OK"
	StatusFail = "FAIL"
)

// Answer is what Tencent expects as the body of the answer to a callback, with
// HTTP status 200, within 2 seconds.
type Answer struct {
	ActionStatus string // "OK" or "FAIL"
	ErrorCode    int64  // 0, or 1 for FAIL; before an action, 1 forbids it
	ErrorInfo    string
}

// OK is the answer to a callback that was taken.
func OK() Answer { return Answer{ActionStatus: StatusOK} }

// Fail is the answer to a callback that was not taken.
func Fail(info string) Answer {
	return Answer{ActionStatus: StatusFail, ErrorCode: 1, ErrorInfo: info}
}

// JSON returns the answer's body.
func (a Answer) JSON() []byte {
	b := appendQuote([]byte(`{"ActionStatus":`), a.ActionStatus)
	b = strconv.AppendInt(append(b, `,"ErrorCode":`...), a.ErrorCode, 10)
	b = appendQuote(append(b, `,"ErrorInfo":`...), a.ErrorInfo)
	return append(b, '}')
}

// ParseAnswer reads a callback answer: one JSON object with ActionStatus OK or
// FAIL, an integer ErrorCode and a string ErrorInfo, whatever else it has.
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
