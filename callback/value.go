package callback

import (
	"github.com/go-json-experiment/json/jsontext"

	"github.com/d13c7061/caddy-tim-callback/internal/jsonread"
)

// Value is the text of one JSON value exactly as it was sent: numbers are not rounded and
// escapes are not rewritten. "" means that there is no value.
type Value string

// MarshalJSON returns v unchanged, or null if v is "". It never returns an error.
func (v Value) MarshalJSON() ([]byte, error) {
	if v == "" {
		return []byte("null"), nil
	}
	return []byte(v), nil
}

// Text returns the content of v if v is a JSON string, and "" and false otherwise.
// An escaped surrogate without its partner, which is not a character, becomes U+FFFD.
func (v Value) Text() (string, bool) {
	return jsonread.Unquote(string(v))
}

// AppendQuote appends s to dst as a JSON string. Invalid UTF-8 becomes U+FFFD.
func AppendQuote(dst []byte, s string) []byte {
	// the only possible error is invalid UTF-8, which was replaced
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}
