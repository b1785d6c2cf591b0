package profile

import (
	"strings"

	"github.com/go-json-experiment/json/jsontext"
)

// Value is one JSON value as text, exactly as it was sent: no number is rounded
// and no escape rewritten. The zero Value is no value at all.
type Value string

// MarshalJSON returns v itself, or null for the zero Value.
func (v Value) MarshalJSON() ([]byte, error) {
	if v == "" {
		return []byte("null"), nil
	}
	return []byte(v), nil
}

// Text returns what v says if it is a JSON string, else "" and false.
// An escaped lone surrogate, which is no character, becomes U+FFFD.
func (v Value) Text() (string, bool) {
	if len(v) < 2 || v[0] != '"' {
		return "", false
	}
	inner := string(v[1 : len(v)-1])
	if strings.IndexByte(inner, '\\') < 0 {
		return inner, true
	}
	// the only error left is an escaped lone surrogate, which was replaced
	text, _ := jsontext.AppendUnquote(nil, string(v))
	return string(text), true
}

// depth is how many objects and arrays lie in one another, v itself included.
func (v Value) depth() int {
	if v == "" || v[0] != '{' && v[0] != '[' {
		return 0
	}
	deepest, depth, quoted := 0, 0, false
	for i := 0; i < len(v); i++ {
		switch c := v[i]; {
		case quoted && c == '\\':
			i++
		case c == '"':
			quoted = !quoted
		case quoted:
		case c == '{' || c == '[':
			depth++
			deepest = max(deepest, depth)
		case c == '}' || c == ']':
			depth--
		}
	}
	return deepest
}

// arrayOf returns a JSON array of values.
func arrayOf(values []Value) Value {
	array := []byte{'['}
	for i, v := range values {
		if i > 0 {
			array = append(array, ',')
		}
		array = append(array, v...)
	}
	return Value(append(array, ']'))
}

func appendQuote(dst []byte, s string) []byte {
	// the only error is invalid UTF-8, which was replaced by U+FFFD
	dst, _ = jsontext.AppendQuote(dst, s)
	return dst
}
