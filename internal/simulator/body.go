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
	Value string // a JSON string or number
}

// ParseItem reads Tag=Value. The value of a tag that Tencent documents as uint32
// becomes a number, all others a string.
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
		return Item{}, fmt.Errorf("the value of %s is an integer from 0 to 4294967295, not %q", tag, value)
	}
	return Item{tag, strconv.FormatUint(n, 10)}, nil
}

// MaxEventTime is the last millisecond that can be written as RFC 3339.
var MaxEventTime = time.Date(9999, 12, 31, 23, 59, 59, 999e6, time.UTC)

// leastMillis is in 1973; less than that are seconds that were taken for milliseconds.
const leastMillis = 100_000_000_000

// ParseEventTime reads milliseconds since 1970 or RFC 3339, from 1970 to
// [MaxEventTime]. What is finer than a millisecond is cut off.
func ParseEventTime(s string) (time.Time, error) {
	if s != "" && strings.Trim(s, "0123456789") == "" {
		ms, err := strconv.ParseInt(s, 10, 64)
		if err != nil || ms > MaxEventTime.UnixMilli() {
			return time.Time{}, fmt.Errorf("%s ms is after the year 9999", s)
		}
		if ms < leastMillis {
			return time.Time{}, fmt.Errorf("%s ms is in %d: milliseconds are wanted, these look like seconds", s, time.UnixMilli(ms).UTC().Year())
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

// Sample is the change of Tencent's documents, at no certain time.
func Sample() Change {
	return Change{From: "id1", Operator: "id1", Items: []Item{
		{"Tag_Profile_IM_Nick", `"nick1"`},
		{"Tag_Profile_IM_Gender", `"Gender_Type_Male"`},
		{"Tag_Profile_IM_AllowType", `"AllowType_Type_NeedConfirm"`},
		{"Tag_Profile_Custom_Data", `"your custom data"`},
	}}
}

// Change is a change of a user's profile, of which Profile.CallbackPortraitSet tells.
type Change struct {
	From     string // whose profile it is
	Operator string // who changed it
	Items    []Item
}

// CheckUserID says why a UserID cannot be sent.
func CheckUserID(s string) error {
	switch {
	case s == "":
		return errors.New("a UserID is not empty")
	case !utf8.ValidString(s):
		return fmt.Errorf("%q is not valid UTF-8", s)
	}
	return nil
}

// Body is the callback's body at a time, laid out as in Tencent's documents.
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
	// the only error is invalid UTF-8, which was refused
	b, _ := jsontext.AppendQuote(nil, s)
	return string(b)
}

// EventClock gives each of many callbacks an EventTime of its own, without which two
// with the same words would be one event. It is safe for concurrent use.
type EventClock struct {
	// Start is the first time. Default: all times are the time of asking, or the
	// next millisecond that has not been given away.
	Start time.Time

	mu   sync.Mutex
	next int64 // milliseconds
	used bool
}

// Next is the next time, in whole milliseconds.
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
