package simulator

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json/jsontext"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// Item is one changed field of a profile.
type Item struct {
	Tag   string
	Value string // JSON: a string or a number
}

// ParseItem reads Tag=Value. The value becomes a number if Tencent documents it as uint32, and
// a string otherwise. ParseItem returns an error if there is no "=", if the tag does not begin
// with "Tag_", or if the value is not valid.
func ParseItem(s string) (Item, error) {
	tag, value, ok := strings.Cut(s, "=")
	switch {
	case !ok:
		return Item{}, fmt.Errorf("%q is not of the form Tag=Value", s)
	case !utf8.ValidString(s):
		return Item{}, fmt.Errorf("%q is not valid UTF-8", s)
	case !strings.HasPrefix(tag, "Tag_"):
		return Item{}, fmt.Errorf("%q is not a tag such as Tag_Profile_IM_Nick or Tag_Profile_Custom_Data", tag)
	case !profile.IsUint32(tag):
		return Item{tag, quote(value)}, nil
	}
	n, err := strconv.ParseUint(value, 10, 32)
	if err != nil {
		return Item{}, fmt.Errorf("the value of %s must be an integer from 0 to 4294967295, not %q", tag, value)
	}
	return Item{tag, strconv.FormatUint(n, 10)}, nil
}

// MaxEventTime is the last millisecond that RFC 3339 can express.
var MaxEventTime = time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)

// leastMillis is a time in 1973. A smaller number is likely to be in seconds instead of
// milliseconds.
const leastMillis = 100_000_000_000

// ParseEventTime reads a time as milliseconds since 1970 or in RFC 3339. It must be between
// 1970 and [MaxEventTime], and is cut off to milliseconds. ParseEventTime returns an error for
// anything else, and for a number that is likely to be in seconds.
func ParseEventTime(s string) (time.Time, error) {
	if s != "" && strings.Trim(s, "0123456789") == "" {
		ms, err := strconv.ParseInt(s, 10, 64)
		if err != nil || ms > MaxEventTime.UnixMilli() {
			return time.Time{}, fmt.Errorf("%s ms is after the year 9999", s)
		}
		if ms < leastMillis {
			return time.Time{}, fmt.Errorf("%s ms is in %d: use milliseconds, this looks like seconds", s, time.UnixMilli(ms).UTC().Year())
		}
		return time.UnixMilli(ms).UTC(), nil
	}
	t, err := time.Parse(time.RFC3339, s)
	switch {
	case err != nil:
		return time.Time{}, fmt.Errorf("%q is neither milliseconds since 1970 nor a time such as 2022-07-04T07:50:52.497Z", s)
	case t.Before(time.Unix(0, 0)) || t.After(MaxEventTime):
		return time.Time{}, fmt.Errorf("%s is not between 1970 and the end of 9999", s)
	}
	return t.UTC().Truncate(time.Millisecond), nil
}

// Sample returns the change that is the example in Tencent's documents.
func Sample() Change {
	return Change{From: "id1", Operator: "id1", Items: []Item{
		{"Tag_Profile_IM_Nick", `"nick1"`},
		{"Tag_Profile_IM_Gender", `"Gender_Type_Male"`},
		{"Tag_Profile_IM_AllowType", `"AllowType_Type_NeedConfirm"`},
		{"Tag_Profile_Custom_Data", `"your custom data"`},
	}}
}

// Change is a change of a user's profile, which Profile.CallbackPortraitSet reports.
type Change struct {
	From     string // UserID of the user whose profile is changed
	Operator string // UserID of the user who changes it
	Items    []Item
}

// CheckUserID returns an error if a UserID is empty or not valid UTF-8.
func CheckUserID(s string) error {
	switch {
	case s == "":
		return errors.New("the UserID is empty")
	case !utf8.ValidString(s):
		return fmt.Errorf("%q is not valid UTF-8", s)
	}
	return nil
}

// Body returns the body of the callback for a change at this time, in the layout of Tencent's
// documents.
func (c Change) Body(at time.Time) []byte {
	items := make([]string, len(c.Items))
	for i, item := range c.Items {
		items[i] = `    {"Tag": ` + quote(item.Tag) + `, "Value": ` + item.Value + `}`
	}
	return slices.Concat([]byte(`{
  "CallbackCommand": `+quote(profile.Command)+`,
  "Operator_Account": `+quote(c.Operator)+`,
  "From_Account": `+quote(c.From)+`,
  "EventTime": `+strconv.FormatInt(at.UnixMilli(), 10)+`,
  "ProfileItem": [
`), []byte(strings.Join(items, ",\n")), []byte("\n  ]\n}"))
}

func quote(s string) string {
	// the only possible error is invalid UTF-8, which was refused before
	b, _ := jsontext.AppendQuote(nil, s)
	return string(b)
}

// EventClock gives each of many callbacks a different EventTime. Two callbacks with the same
// body and the same EventTime would be the same event. It is safe for concurrent use.
type EventClock struct {
	// Start is the first time; each later one is a millisecond after the one before. By
	// default, a time is the present one, but at least a millisecond after the one before.
	Start time.Time

	mu   sync.Mutex
	next int64 // milliseconds
	used bool
}

// Next returns the next time, in whole milliseconds.
func (c *EventClock) Next() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	switch {
	case c.Start.IsZero():
		c.next = max(c.next, time.Now().UnixMilli())
	case !c.used:
		c.next, c.used = c.Start.UnixMilli(), true
	}
	c.next++
	return time.UnixMilli(c.next - 1).UTC()
}
