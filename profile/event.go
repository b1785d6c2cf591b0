package profile

import (
	"strconv"
	"time"
)

// Event is a Profile.CallbackPortraitSet callback in its normalized form: what a
// backend gets from the module. [Decode] makes one from Tencent's body,
// json.Unmarshal from the normalized body that the module sent.
type Event struct {
	SDKAppID uint64
	Command  string

	// EventTime is when the profile was changed, to the millisecond, in UTC.
	// Zero if absent or no time at all.
	EventTime time.Time

	// OperatorAccount is the UserID of who made the change; "" if absent.
	OperatorAccount string

	// FromAccount is the UserID of whose profile was changed.
	FromAccount string

	// Platform is where the change was made: "ios", "android", "web", "rest_api",
	// "windows", "macos", "ipad", "unknown", or another word; "" if absent.
	Platform string

	// ClientIP is the address of the chat client, as sent; "" if absent.
	ClientIP string

	// Fields are the changed fields, in the order of the callback, each once.
	Fields []Field

	// Extra are the members of the body that the protocol does not have, as
	// sent, each once.
	Extra []Member

	// the JSON as sent, since what is no string or no time must survive too
	from, operator, eventTime Value

	body string // that was decoded
	id   string // once it was asked for
}

// Member is a member of a JSON object.
type Member struct {
	Name  string
	Value Value
}

// ID is the same whenever the same callback is sent again, so it serves to
// recognize duplicates; it is random for a callback that has no EventTime, which
// could be news in the same words. It is not part of the JSON, but travels as ce-id
// and webhook-id, so it is "" for an event that came from JSON. The first call
// must not be at the same time as another one.
func (e *Event) ID() string {
	switch {
	case e.id != "" || e.body == "":
	case e.EventTime.IsZero():
		e.id = randomID()
	default:
		e.id = EventID(strconv.FormatUint(e.SDKAppID, 10), e.Command, []byte(e.body))
	}
	return e.id
}

func (m *Member) key() string { return m.Name }

// SelfUpdate reports whether users changed their own profile, and whether that
// is known at all: older callbacks do not say who made the change.
func (e *Event) SelfUpdate() (self, known bool) {
	if _, ok := e.operator.Text(); !ok && e.OperatorAccount == "" {
		return false, false
	}
	return e.OperatorAccount == e.FromAccount, true
}

// Field returns the value of a changed field and whether it was changed. Its
// name is as [Field.String] writes it: "nick", "custom.Data".
func (e *Event) Field(name string) (Value, bool) {
	for _, f := range e.Fields {
		if f.String() == name {
			return f.Value, true
		}
	}
	return "", false
}

// Changed returns the names of the changed fields, in the order of the callback.
func (e *Event) Changed() []string {
	names := make([]string, len(e.Fields))
	for i, f := range e.Fields {
		names[i] = f.String()
	}
	return names
}

// lastOfEach keeps each key once, where it first was, with what it was last.
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
