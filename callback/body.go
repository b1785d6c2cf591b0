package callback

import (
	"errors"
	"fmt"
	"strconv"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/jsonread"
)

// MaxDepth is how deeply the value of a member of a callback's body may be nested. The
// limits of JSON parsers in other languages begin at 512 levels, and the protocol itself
// needs six.
const MaxDepth = 100

// BadBody returns an error about the body of a callback as an [*Error] with
// [ReasonBadBody], unless it is an [*Error] already.
func BadBody(err error) error {
	if _, ok := errors.AsType[*Error](err); ok {
		return err
	}
	detail, ok := jsonread.Explain(err)
	switch {
	case ok:
	case errors.Is(err, jsonread.ErrTooDeep):
		detail = fmt.Sprintf("nested more than %d levels deep", MaxDepth)
	default:
		detail = err.Error()
	}
	return refuse(ReasonBadBody, detail)
}

// CheckCommand returns an error, an [*Error] with [ReasonBadBody], if a body has a
// CallbackCommand that differs from the one in the URL.
func CheckCommand(inBody Value, inURL string) error {
	if inBody == "" {
		return nil
	}
	if text, ok := inBody.Text(); !ok || text != inURL {
		return refuse(ReasonBadBody, "its CallbackCommand differs from the one in the URL")
	}
	return nil
}

// maxEventTime is the last Unix time, in milliseconds, that RFC 3339 can express.
const maxEventTime = 253402300799999

// ParseEventTime reads a Unix time in a unit, [time.Millisecond] or [time.Second]. It may
// be an integer or a string of digits. It returns the zero time for anything else.
func ParseEventTime(v Value, unit time.Duration) time.Time {
	digits := string(v)
	if text, ok := v.Text(); ok {
		digits = text
	}
	n, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || n > maxEventTime/uint64(unit/time.Millisecond) {
		return time.Time{}
	}
	return time.UnixMilli(int64(n) * int64(unit/time.Millisecond)).UTC()
}
