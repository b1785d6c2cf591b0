package profile

import (
	"strconv"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// Event is a Profile.CallbackPortraitSet callback in its normalized form, which the module
// sends to backends. [Decode] reads an Event from the body that Tencent sends, and
// json.Unmarshal from the normalized body that the module sends.
type Event struct {
	// SDKAppID is the SDKAppID of the app that the user belongs to.
	SDKAppID uint64

	// Command is the callback command.
	Command string

	// EventTime is the time at which the profile was changed, in milliseconds and UTC.
	// It is zero if the callback has no EventTime, or one that is not a time.
	EventTime time.Time

	// OperatorAccount is the UserID of the user who made the change. It is "" if the
	// callback does not say it.
	OperatorAccount string

	// FromAccount is the UserID of the user whose profile was changed.
	FromAccount string

	// Platform is the platform on which the change was made: "ios", "android", "web",
	// "rest_api", "windows", "macos", "ipad", "unknown" or another word. It is "" if the
	// callback does not say it.
	Platform string

	// ClientIP is the IP address of the chat client. [Decode] returns an IPv6 address in
	// its canonical form. It is "" if the callback does not say it.
	ClientIP string

	// Fields are the changed fields in the order of the callback. Each occurs once.
	Fields []Field

	// Extra are the members of the body that Tencent does not document, as they were
	// sent. Each occurs once.
	Extra []Member

	// These are the JSON values as they were sent, so that a value of an unexpected type
	// is not lost.
	from, operator, eventTime callback.Value

	body string // the body that Decode read
	id   string // the ID, after the first call of ID
}

// Body returns the body that [Decode] has read, byte for byte; "" for an event that was
// read from JSON.
func (e *Event) Body() string { return e.body }

// Member is a member of a JSON object.
type Member struct {
	Name  string
	Value callback.Value
}

// ID returns the ID of an event from [Decode]. It is the same whenever the same callback
// is sent again, so that duplicates can be recognized. For a callback without an EventTime
// it is random, because two different changes could have the same body. The ID is not
// part of the JSON: the module sends it in the headers ce-id and webhook-id, and ID
// returns "" for an event that was read from JSON. The first call of ID must not run
// concurrently with another one.
func (e *Event) ID() string {
	switch {
	case e.id != "" || e.body == "":
	case e.EventTime.IsZero():
		e.id = callback.RandomID()
	default:
		e.id = callback.EventID(strconv.FormatUint(e.SDKAppID, 10), e.Command, "", e.body)
	}
	return e.id
}

func (m *Member) key() string { return m.Name }

// SelfUpdate reports whether the user changed their own profile, and whether that is
// known: callbacks of older versions do not say who made the change.
func (e *Event) SelfUpdate() (self, known bool) {
	if _, ok := e.operator.Text(); !ok && e.OperatorAccount == "" {
		return false, false
	}
	return e.OperatorAccount == e.FromAccount, true
}

// Field returns the new value of a field, and whether the field was changed. The name has
// the form of [Field.String]: "nick", "custom.Data".
func (e *Event) Field(name string) (callback.Value, bool) {
	for _, f := range e.Fields {
		if f.String() == name {
			return f.Value, true
		}
	}
	return "", false
}

// Changed returns the names of the changed fields in the order of the callback. They have
// the form of [Field.String].
func (e *Event) Changed() []string {
	names := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		names[i] = f.String()
	}
	return names
}

// lastOfEach removes elements with a repeated key from list, which it changes. The last
// element of each key remains, at the place of the first one.
func lastOfEach[T any, K comparable](list []T, key func(*T) K) []T {
	if len(list) <= 16 && !repeats(list, key) {
		return list
	}
	at := make(map[K]int, len(list))
	kept := list[:0]
	for i := range list {
		k := key(&list[i])
		if first, ok := at[k]; ok {
			kept[first] = list[i]
			continue
		}
		at[k] = len(kept)
		kept = append(kept, list[i])
	}
	return kept
}

func repeats[T any, K comparable](list []T, key func(*T) K) bool {
	for i := range list {
		for j := range i {
			if key(&list[i]) == key(&list[j]) {
				return true
			}
		}
	}
	return false
}
