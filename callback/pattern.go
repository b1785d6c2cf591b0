package callback

import (
	"errors"
	"strings"
)

// Words that stand for several commands in a [Pattern].
const (
	PatternAll     = "all"     // every command; "*" means the same
	PatternProfile = "profile" // Profile.CallbackPortraitSet alone
)

// Pattern names commands: one by its name ("Group.CallbackAfterSendMsg"), a family
// ("Group.*"), [PatternAll] or [PatternProfile].
type Pattern string

// Check returns an error if the pattern does not have one of these forms. The error does
// not quote it.
func (p Pattern) Check() error {
	name := string(p)
	switch name {
	case PatternAll, "*", PatternProfile:
		return nil
	}
	family, rest, ok := strings.Cut(name, ".")
	if !ok || family == "" || rest == "" || strings.ContainsAny(family, "*") || rest != "*" && strings.ContainsAny(rest, "*") || strings.ContainsAny(name, " \t\"'{}") {
		return errors.New("a command is a name such as Group.CallbackAfterSendMsg, a family such as Group.*, profile or all")
	}
	return nil
}

// All reports whether the pattern names every command.
func (p Pattern) All() bool { return p == PatternAll || p == "*" }

// Family returns the family that the pattern names, and "" if it names none.
func (p Pattern) Family() string {
	family, ok := strings.CutSuffix(string(p), ".*")
	if !ok {
		return ""
	}
	return family
}

// Match reports whether the pattern names a command.
func (p Pattern) Match(command string) bool {
	if string(p) == command || p.All() {
		return true
	}
	if family := p.Family(); family != "" {
		return familyOf(command) == family
	}
	return command == p.name()
}

// Expand returns the name that stands for [PatternProfile], and any other pattern as it is.
func (p Pattern) Expand() Pattern { return Pattern(p.name()) }

// name is the command that a pattern names which is neither a family nor all.
func (p Pattern) name() string {
	if p == PatternProfile {
		return "Profile.CallbackPortraitSet"
	}
	return string(p)
}

// Known reports whether the table of commands has what the pattern names.
func (p Pattern) Known() bool {
	if p.All() {
		return true
	}
	for i := range commands {
		if p.Match(commands[i].Name) {
			return true
		}
	}
	return false
}

// MayMatch reports whether the pattern can name a command of a kind. A family can, since
// it may have commands of both kinds that the table does not have.
func (p Pattern) MayMatch(kind Kind) bool {
	if p.All() || p.Family() != "" {
		return true
	}
	c, _ := Lookup(p.name())
	return c.Kind == kind
}

// Decides reports whether the pattern names a command that asks for a decision, as far as
// is known: a command of the table, or the one that the pattern names.
func (p Pattern) Decides() bool {
	if !p.All() && p.Family() == "" {
		return p.MayMatch(Decision)
	}
	for i := range commands {
		if p.Match(commands[i].Name) && commands[i].Kind == Decision {
			return true
		}
	}
	return false
}

// Overlaps reports whether there can be a command that both patterns name.
func (p Pattern) Overlaps(q Pattern) bool {
	switch {
	case p.All() || q.All():
		return true
	case q.Family() == "":
		return p.Match(q.name())
	case p.Family() == "":
		return q.Match(p.name())
	}
	return p == q
}
