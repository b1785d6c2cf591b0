// Package jsonread reads JSON values as substrings of the text that they are in, so that
// nothing is rounded, rewritten or built up in memory.
package jsonread

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strings"
	"sync"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Reader reads one JSON text. Readers are used again: call Release when done.
type Reader struct {
	text     string
	maxDepth int
	buffer   bytes.Buffer
	json     jsontext.Decoder
}

var readers = sync.Pool{New: func() any { return new(Reader) }}

var options = json.JoinOptions(
	jsontext.AllowDuplicateNames(true), // the last one counts
	jsontext.AllowInvalidUTF8(true),    // allows an escaped surrogate without its partner; invalid bytes are the caller's to refuse
)

// ErrNotObject is the error for a value that must be an object but is not.
var ErrNotObject = errors.New("not a JSON object")

// ErrTooDeep is the error for a value that is nested more deeply than allowed.
var ErrTooDeep = errors.New("nested too deeply")

// New returns a reader of a text, of which it keeps a copy. Values may be nested as
// deeply as maxDepth; 0 means that there is no limit but that of the parser.
func New(text []byte, maxDepth int) *Reader {
	if bytes.Count(text, []byte{'{'})+bytes.Count(text, []byte{'['}) <= maxDepth {
		maxDepth = 0 // no value can be nested so deeply
	}
	r := readers.Get().(*Reader)
	r.text, r.maxDepth = string(text), maxDepth
	r.buffer = *bytes.NewBuffer(text)
	r.json.Reset(&r.buffer, options)
	return r
}

// Release gives the reader back. Values that it returned stay valid.
func (r *Reader) Release() {
	r.text, r.buffer = "", bytes.Buffer{}
	readers.Put(r)
}

// Text returns the whole text.
func (r *Reader) Text() string { return r.text }

// Offset returns how many bytes of the text have been read.
func (r *Reader) Offset() int { return int(r.json.InputOffset()) }

// Peek returns the kind of the next token, and 0 if there is none or it is not valid.
func (r *Reader) Peek() jsontext.Kind { return r.json.PeekKind() }

// Token reads the next token.
func (r *Reader) Token() (jsontext.Token, error) { return r.json.ReadToken() }

// Value reads the next value, or the next name of a member of an object.
func (r *Reader) Value() (string, error) {
	v, err := r.json.ReadValue()
	if err != nil {
		return "", err
	}
	end := r.Offset()
	value := r.text[end-len(v) : end]
	if r.maxDepth > 0 && depth(value) > r.maxDepth {
		return "", ErrTooDeep
	}
	return value, nil
}

// Object reads an object and calls member for the name of each of its members; member
// must read the value. It returns the offset in the text at which the object begins.
func (r *Reader) Object(member func(name string) error) (start int, err error) {
	switch token, err := r.json.ReadToken(); {
	case err != nil:
		return 0, err
	case token.Kind() != '{':
		return 0, ErrNotObject
	}
	start = r.Offset() - 1
	for r.json.PeekKind() == '"' {
		name, err := r.Value()
		if err != nil {
			return start, err
		}
		text, _ := Unquote(name)
		if err := member(text); err != nil {
			return start, err
		}
	}
	_, err = r.json.ReadToken()
	return start, err
}

// End returns an error if something follows what was read.
func (r *Reader) End() error {
	switch _, err := r.json.ReadToken(); {
	case err == nil:
		return errors.New("something follows the JSON object")
	case !errors.Is(err, io.EOF):
		return err
	}
	return nil
}

// Explain returns what is wrong with a text, for people, if err is about its syntax.
func Explain(err error) (detail string, ok bool) {
	var syntax *jsontext.SyntacticError
	switch {
	case errors.As(err, &syntax):
		return fmt.Sprintf("not valid JSON at byte %d", syntax.ByteOffset), true
	case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
		return "the JSON ends early", true
	}
	return "", false
}

// Unquote returns the content of a value that is a JSON string, and "" and false for any
// other value. An escaped surrogate without its partner becomes U+FFFD.
func Unquote(value string) (string, bool) {
	if len(value) < 2 || value[0] != '"' {
		return "", false
	}
	inner := value[1 : len(value)-1]
	if strings.IndexByte(inner, '\\') < 0 {
		return inner, true
	}
	// the only possible error is an escaped surrogate, which was replaced
	text, _ := jsontext.AppendUnquote(nil, value)
	return string(text), true
}

// depth returns how many objects and arrays are nested in one another, value included.
func depth(value string) int {
	if value == "" || value[0] != '{' && value[0] != '[' {
		return 0
	}
	deepest, depth, quoted := 0, 0, false
	for i := 0; i < len(value); i++ {
		switch c := value[i]; {
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
