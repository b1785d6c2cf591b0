package timcallback

import (
	"errors"
	"fmt"
	"slices"

	"go.uber.org/zap"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// Undecided is what Tencent is told if a callback asks for a decision and the next
// handlers do not give one in time.
type Undecided struct {
	// `error` answers with an error, so that the policy in Tencent's console applies;
	// `allow` and `forbid` answer with that decision. Commands that have no such answer
	// get an error whatever is set here. Required.
	Policy string `json:"policy"`

	// The commands for which the policy is: names, families such as `Group.*`, or `*`.
	// Default: `*`, all of them.
	Commands []string `json:"commands,omitempty"`
}

// takes reports whether callbacks of a command are taken.
func (h *Handler) takes(command string) bool {
	return slices.ContainsFunc(h.taken, func(p callback.Pattern) bool { return p.Match(command) })
}

// policy returns what Tencent is told about an undecided callback of a command.
func (h *Handler) policy(command string) callback.Policy {
	for _, u := range h.Undecided {
		for _, pattern := range u.Commands {
			if callback.Pattern(pattern).Match(command) {
				return callback.Policy(u.Policy)
			}
		}
	}
	return callback.PolicyError
}

// decides reports whether callbacks are taken that ask for a decision, as far as is known.
func (h *Handler) decides() bool { return slices.ContainsFunc(h.taken, callback.Pattern.Decides) }

// checkCommands checks the options about commands, which cannot all go together, and
// warns of names that are not known.
func (h *Handler) checkCommands() error {
	if err := checkPatterns("commands", h.Commands); err != nil {
		return err
	}
	h.taken = make([]callback.Pattern, len(h.Commands))
	for i, pattern := range h.Commands {
		h.taken[i] = callback.Pattern(pattern).Expand()
	}
	all := slices.ContainsFunc(h.Commands, func(p string) bool { return callback.Pattern(p).All() })
	if all && len(h.Commands) > 1 {
		return errors.New("commands: all includes every other command, so nothing may be listed beside it")
	}
	if all && h.OtherCommands == OtherPass {
		return errors.New("other_commands: pass has no effect, since commands takes all")
	}
	h.warnUnknown("commands", h.Commands)
	return h.checkUndecided()
}

func checkPatterns(option string, patterns []string) error {
	for i, pattern := range patterns {
		if err := callback.Pattern(pattern).Check(); err != nil {
			return fmt.Errorf("%s: command %d: %w", option, i+1, err)
		}
		if slices.Contains(patterns[:i], pattern) {
			return fmt.Errorf("%s: command %d is listed twice", option, i+1)
		}
	}
	return nil
}

func (h *Handler) warnUnknown(option string, patterns []string) {
	for _, pattern := range patterns {
		if !callback.Pattern(pattern).Known() {
			h.logger.Warn("unknown callback command: it is accepted, but check its spelling", zap.String("option", option), zap.String("command", pattern))
		}
	}
}

func (h *Handler) checkUndecided() error {
	mayDecide := slices.ContainsFunc(h.taken, func(p callback.Pattern) bool { return p.MayMatch(callback.Decision) })
	if len(h.Undecided) > 0 && !mayDecide {
		return errors.New("undecided: commands takes no command that asks for a decision")
	}
	for i := range h.Undecided {
		u := &h.Undecided[i]
		if len(u.Commands) == 0 {
			u.Commands = []string{"*"}
		}
		option := fmt.Sprintf("undecided %s", u.Policy)
		policy := callback.Policy(u.Policy)
		switch policy {
		case callback.PolicyError, callback.PolicyAllow, callback.PolicyForbid:
		default:
			return fmt.Errorf("undecided %d: the policy must be error, allow or forbid", i+1)
		}
		if err := checkPatterns(option, u.Commands); err != nil {
			return err
		}
		for n, pattern := range u.Commands {
			if err := h.checkUndecidedCommand(policy, callback.Pattern(pattern), h.Undecided[:i]); err != nil {
				return fmt.Errorf("%s: command %d: %w", option, n+1, err)
			}
		}
		h.warnUnknown(option, u.Commands)
	}
	return nil
}

// checkUndecidedCommand finds a policy for commands that can never have an effect.
func (h *Handler) checkUndecidedCommand(policy callback.Policy, pattern callback.Pattern, before []Undecided) error {
	if !pattern.MayMatch(callback.Decision) {
		return errors.New("it brings news and asks for no decision")
	}
	for _, u := range before {
		for _, earlier := range u.Commands {
			if callback.Pattern(earlier).Match(string(pattern)) {
				return errors.New("an earlier undecided has a policy for it already")
			}
		}
	}
	if !slices.ContainsFunc(h.taken, pattern.Overlaps) {
		return errors.New("commands does not take it")
	}
	if pattern.All() || pattern.Family() != "" {
		return nil
	}
	if c, _ := callback.Lookup(string(pattern)); c.NoNeutral && policy != callback.PolicyError {
		return errors.New("it has no answer that would fit, so only error is possible")
	}
	return nil
}
