// Package placeholder expands the placeholders in a configuration, and evaluates
// those that this module offers to other handlers and to logs.
package placeholder

import (
	"errors"
	"strings"

	"github.com/caddyserver/caddy/v2"
)

// Expand expands the placeholders in a configured value. It is an error if one of
// them is unknown or empty.
//
// The error quotes a placeholder only if the whole value is one of an environment
// variable or a file, since it then names a place. Any other text with braces may
// be a secret.
func Expand(repl *caddy.Replacer, s string) (string, error) {
	expanded, err := repl.ReplaceOrErr(s, true, true)
	place := strings.HasPrefix(s, "{env.") || strings.HasPrefix(s, "{file.")
	if err != nil && (!place || strings.IndexByte(s, '}') != len(s)-1) {
		err = errors.New("a placeholder in it is unknown or empty (braces that are not a placeholder are written as \\{ and \\})")
	}
	return expanded, err
}
