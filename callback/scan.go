package callback

import (
	"fmt"
	"slices"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/d13c7061/caddy-tim-callback/internal/jsonread"
)

// Scan is what a receiver needs to know about the body of a callback, whatever its
// command. What the body does not have, or has in another type, is empty.
type Scan struct {
	Body        string    // the whole body as it was received
	Data        string    // the body's JSON object, without white space around it
	Subject     string    // whose event it is
	Operator    string    // UserID of who caused it: Operator_Account
	FromAccount string    // From_Account
	EventTime   time.Time // when it happened
	Lane        string    // the key of the lane, see [LaneKey]
	Unique      bool      // whether the body tells this event from the next one of the same words
	ResultItems []string  // the accounts for which a decision needs a ResultItem, if all are known
}

// ScanBody reads the body of a callback in one pass. q must have been verified.
//
// The body must be one JSON object in valid UTF-8 with nothing after it, with no member
// nested more than [MaxDepth] levels deep. If it has a CallbackCommand, this must be the
// command of q. Everything else is accepted. Errors are [*Error] with [ReasonBadBody].
func ScanBody(q Query, body []byte) (*Scan, error) {
	c, _ := Lookup(q.Command)
	if !utf8.Valid(body) {
		return nil, refuse(ReasonBadBody, "not valid UTF-8")
	}
	r := jsonread.New(body, MaxDepth)
	defer r.Release()
	if k := r.Peek(); k != '{' && k != 0 {
		return nil, refuse(ReasonBadBody, "not a JSON object")
	}
	m := members{command: c}
	start, err := r.Object(func(name string) error {
		v, err := r.Value()
		if err == nil {
			m.add(name, v)
		}
		return err
	})
	end := r.Offset()
	if err == nil {
		err = r.End()
	}
	if err == nil {
		err = CheckCommand(Value(m.get("CallbackCommand")), q.Command)
	}
	if err != nil {
		return nil, BadBody(err)
	}
	s := &Scan{
		Body:        r.Text(),
		Data:        r.Text()[start:end],
		Operator:    account(m.get("Operator_Account")),
		FromAccount: account(m.get("From_Account")),
		EventTime:   ParseEventTime(Value(m.get(c.EventTime)), c.EventTimeUnit),
	}
	s.Unique = m.unique(s.EventTime)
	for _, path := range c.Subject {
		if s.Subject = account(m.get(path)); s.Subject != "" {
			break
		}
	}
	s.Lane = m.lane(q.SDKAppID, s.Subject)
	if c.ResultItems != "" {
		s.ResultItems = toAccounts(m.get(c.ResultItems))
	}
	return s, nil
}

// members are those members of a body that the table of commands or the common rules
// name. There are few, so a list is faster than a map.
type members struct {
	command *Command
	list    []member
	array   [12]member
}

type member struct{ name, value string }

func (m *members) add(name, value string) {
	if !m.wants(name) {
		return
	}
	if m.list == nil {
		m.list = m.array[:0]
	}
	for i := range m.list {
		if m.list[i].name == name { // the last one counts
			m.list[i].value = value
			return
		}
	}
	m.list = append(m.list, member{name, value})
}

func (m *members) wants(name string) bool {
	switch name { // these matter whatever the command is
	case "CallbackCommand", "EventTime", "MsgKey", "MsgTime", "MsgSeq", "TaskId", "BattleId", "From_Account", "To_Account", "Operator_Account":
		return true
	}
	for _, path := range m.command.Subject {
		if begins(path, name) {
			return true
		}
	}
	for _, path := range m.command.Unique {
		if begins(path, name) {
			return true
		}
	}
	return begins(m.command.EventTime, name) || m.command.ResultItems == name
}

// begins reports whether a path begins with a member of the body.
func begins(path, name string) bool {
	return strings.HasPrefix(path, name) && (len(path) == len(name) || path[len(name)] == '.' || path[len(name)] == '[')
}

// get returns the JSON value at a path, and "" if there is none.
func (m *members) get(path string) string {
	name, rest, nested := strings.Cut(path, ".")
	name, array := strings.CutSuffix(name, "[]")
	for i := range m.list {
		if m.list[i].name != name {
			continue
		}
		value := m.list[i].value
		if array {
			value = jsonread.First(value)
		}
		if nested {
			value = jsonread.Member(value, rest)
		}
		return value
	}
	return ""
}

// maxName is the length in bytes from which on a value cannot be the name of an account, a
// group or anything else. Tencent's own limits are 32 to 64 bytes.
const maxName = 256

// account returns the text of a value that names somebody or something: a string, or a
// bare number, as some of Tencent's samples have it. It returns "" for anything else.
func account(value string) string {
	text, ok := jsonread.Unquote(value)
	if !ok && value != "" && (value[0] == '-' || value[0] >= '0' && value[0] <= '9') {
		text = value
	}
	if len(text) > maxName {
		return ""
	}
	return text
}

// unique reports whether the body, with the time of its event, has something that tells
// one event from the next.
func (m *members) unique(at time.Time) bool {
	has := func(path string) bool {
		switch name := account(m.get(path)); name {
		case "", "0":
			return false
		}
		return true
	}
	if !at.IsZero() && at.UnixMilli() != 0 ||
		has("MsgKey") || has("MsgTime") && has("MsgSeq") || has("TaskId") || has("BattleId") {
		return true
	}
	return slices.ContainsFunc(m.command.Unique, has)
}

// lane returns the key of the lane of an event.
func (m *members) lane(app, subject string) string {
	kind := m.command.Lane
	if kind == LaneConversation {
		from, to := account(m.get("From_Account")), account(m.get("To_Account"))
		if from != "" && to != "" {
			return LaneKey(app, kind, min(from, to), max(from, to))
		}
		subject = ""
	}
	if subject == "" {
		return LaneKey(app, LaneCommand, m.command.Name)
	}
	return LaneKey(app, kind, subject)
}

// escapeName percent-encodes in a name what would make two keys alike: what separates
// names, and what a header cannot have, see [Attributes.Headers].
func escapeName(name string) string {
	special := func(r rune) bool { return r == '%' || r == '/' || forbidden(r) }
	if strings.IndexFunc(name, special) < 0 {
		return name
	}
	var escaped strings.Builder
	for _, r := range name {
		if !special(r) {
			escaped.WriteRune(r)
			continue
		}
		for _, c := range []byte(string(r)) {
			fmt.Fprintf(&escaped, "%%%02X", c)
		}
	}
	return escaped.String()
}

// LaneKey returns the key of a lane: of an app, of a kind, and of what names it. No two
// lanes have the same key. The lane of an account is "<sdk_appid>/<account>".
func LaneKey(app string, kind LaneKind, names ...string) string {
	if kind == LaneAccount {
		return app + "/" + names[0]
	}
	key := append(append(append(make([]byte, 0, 128), app...), ':'), kind...)
	for _, name := range names {
		key = append(append(key, '/'), escapeName(name)...)
	}
	return string(key)
}

// toAccounts returns the To_Account of each object in a JSON array, and nil if one of them
// has none.
func toAccounts(array string) (accounts []string) {
	for element := range jsonread.Elements(array) {
		to := account(jsonread.Member(element, "To_Account"))
		if to == "" {
			return nil
		}
		accounts = append(accounts, to)
	}
	return accounts
}
