package callback

import (
	"slices"
	"strings"
	"time"
)

// Kind tells whether a callback brings news or asks for a decision.
type Kind string

const (
	// News tells that something has happened. Tencent ignores what the answer says.
	News Kind = "news"

	// Decision asks whether something may happen. Tencent waits for the answer, and
	// what happens depends on it.
	Decision Kind = "decision"
)

// LaneKind says which events of a command are kept in order.
type LaneKind string

// The kinds of lanes.
const (
	LaneAccount         LaneKind = "account"          // the events of one account
	LaneConversation    LaneKind = "conversation"     // the events between two accounts, in both directions
	LaneGroup           LaneKind = "group"            // the events of one group, its topics included
	LaneOfficialAccount LaneKind = "official_account" // the events of one official account
	LaneRoom            LaneKind = "room"             // the events of one room
	LaneBattle          LaneKind = "battle"           // the events of one battle between rooms
	LaneCall            LaneKind = "call"             // the events of one call
	LaneCommand         LaneKind = "command"          // all events of the command
)

// Command describes a callback command: what kind of callback it is, and where its body
// has what a receiver needs to know.
//
// Paths name members of the body: "Info.To_Account" is the member To_Account of the
// object Info, and "PairList[].From_Account" is From_Account of the first element of the
// array PairList.
type Command struct {
	Name string // CallbackCommand, e.g. "C2C.CallbackAfterSendMsg"
	Kind Kind

	// Documented says whether one of Tencent's documents has the command. Others are
	// known from other people's programs.
	Documented bool

	// Subject has the paths of whose event it is. The first one that is there counts.
	Subject []string

	// Lane is the kind of lane. Its members are those of Subject, but for a conversation
	// From_Account and To_Account.
	Lane LaneKind

	// EventTime is the path of the time of the event, and EventTimeUnit its unit. It is
	// "EventTime" in milliseconds but for few commands; it may be absent.
	EventTime     string
	EventTimeUnit time.Duration

	// Unique has the paths that tell an event from the next one of the same words, beside
	// those that all commands have in common.
	Unique []string

	// Answer has the members that the answer to a decision may have beside ActionStatus,
	// ErrorCode and ErrorInfo.
	Answer []string

	// ResultItems is the path of an array with a To_Account in each element, for each of
	// which the answer needs a ResultItem; "" if it needs none.
	ResultItems string

	// NoNeutral says that no answer can be given without knowing more than the callback.
	NoNeutral bool
}

// Family is the part of a command before its dot, e.g. "C2C". It is "" without a dot.
func (c *Command) Family() string { return familyOf(c.Name) }

func familyOf(name string) string {
	family, _, ok := strings.Cut(name, ".")
	if !ok {
		return ""
	}
	return family
}

var byName = func() map[string]*Command {
	by := make(map[string]*Command, len(commands))
	for i := range commands {
		c := &commands[i]
		if c.EventTime == "" {
			c.EventTime = "EventTime"
		}
		if c.EventTimeUnit == 0 {
			c.EventTimeUnit = time.Millisecond
		}
		by[c.Name] = c
	}
	return by
}()

// Commands returns all known commands, family by family.
func Commands() []Command { return slices.Clone(commands) }

// Lookup returns the description of a command. known is false for a command that is not
// in the table. Such a command counts as news if the part after the last dot begins with
// "CallbackAfter". Any other one counts as a decision, since it might be one and an
// answer must not be invented for it; what is known about its body is only EventTime.
func Lookup(name string) (c *Command, known bool) {
	if c, ok := byName[name]; ok {
		return c, true
	}
	c = &Command{Name: name, Kind: Decision, Lane: LaneCommand, EventTime: "EventTime", EventTimeUnit: time.Millisecond}
	switch last := name[strings.LastIndexByte(name, '.')+1:]; {
	case strings.HasPrefix(last, "CallbackAfter"):
		c.Kind = News
	case !strings.HasPrefix(last, "CallbackBefore") && !strings.HasPrefix(last, "CallbackPrev"):
		c.NoNeutral = true // it may be news after all, or need members that nobody knows
	}
	return c, false
}
