// Package redact masks values in JSON before people are shown it. Everything else stays as it was
// sent, byte for byte: the order of members, white space, and numbers of any length.
package redact

import (
	"bytes"
	"errors"
	"io"
	"strings"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Mask is what a masked value is replaced by, a JSON string.
const Mask = `"***"`

// anyName is the element of a pattern that stands for every name.
const anyName = "*"

// Masker masks the values that its patterns name. The zero value masks nothing. It is safe for
// concurrent use.
type Masker struct{ patterns [][]string }

// New returns a masker for patterns. A pattern is the path of a value: names of members, separated by
// dots. "*" stands for any name, so "custom.*" names all members of custom. A name goes into the
// elements of an array, so "data.MsgBody.MsgContent" names that member of every element of MsgBody.
// Names are compared exactly. What a pattern names is masked as a whole, also if it is an object.
func New(patterns ...string) (*Masker, error) {
	m := new(Masker)
	for _, p := range patterns {
		path := strings.Split(p, ".")
		for _, name := range path {
			if name == "" || name != anyName && strings.Contains(name, anyName) {
				return nil, errors.New("a field to mask is a path such as profile.nick, custom.* or data.MsgBody")
			}
		}
		m.patterns = append(m.patterns, path)
	}
	return m, nil
}

// Empty reports whether there are no patterns.
func (m *Masker) Empty() bool { return m == nil || len(m.patterns) == 0 }

// JSON returns a copy of a JSON text with masked values. It returns an error, and nothing to show, if the
// text is not one valid JSON value, for what cannot be read cannot be masked.
func (m *Masker) JSON(text []byte) ([]byte, error) {
	if m == nil {
		m = new(Masker)
	}
	w := walker{text: text, decoder: jsontext.NewDecoder(bytes.NewBuffer(text), options)}
	if err := w.value(m.patterns); err != nil {
		return nil, err
	}
	if _, err := w.decoder.ReadToken(); !errors.Is(err, io.EOF) {
		return nil, errors.New("something follows the JSON value")
	}
	return append(w.out, text[w.copied:]...), nil
}

var options = json.JoinOptions(
	jsontext.AllowDuplicateNames(true), // all of them are masked
	jsontext.AllowInvalidUTF8(true),    // it is not there to be judged
)

// walker walks through a text and copies it.
type walker struct {
	text    []byte
	decoder *jsontext.Decoder
	out     []byte
	copied  int // how much of the text is in out, or was masked
}

// value goes through the next value. paths are those that begin at it.
func (w *walker) value(paths [][]string) error {
	kind := w.decoder.PeekKind()
	if len(paths) == 0 || kind != '{' && kind != '[' {
		return w.decoder.SkipValue()
	}
	if _, err := w.decoder.ReadToken(); err != nil {
		return err
	}
	for next := w.decoder.PeekKind(); next != '}' && next != ']'; next = w.decoder.PeekKind() {
		if kind == '[' {
			if err := w.value(paths); err != nil {
				return err
			}
			continue
		}
		if err := w.member(paths); err != nil {
			return err
		}
	}
	_, err := w.decoder.ReadToken()
	return err
}

func (w *walker) member(paths [][]string) error {
	token, err := w.decoder.ReadToken()
	if err != nil {
		return err
	}
	name := token.String()
	var deeper [][]string
	for _, path := range paths {
		if path[0] != anyName && path[0] != name {
			continue
		}
		if len(path) == 1 {
			return w.mask()
		}
		deeper = append(deeper, path[1:])
	}
	return w.value(deeper)
}

// mask leaves out the next value.
func (w *walker) mask() error {
	value, err := w.decoder.ReadValue()
	if err != nil {
		return err
	}
	end := int(w.decoder.InputOffset())
	w.out = append(w.out, w.text[w.copied:end-len(value)]...)
	w.out = append(w.out, Mask...)
	w.copied = end
	return nil
}
