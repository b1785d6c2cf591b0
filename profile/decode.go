package profile

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"strconv"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/go-json-experiment/json"
	"github.com/go-json-experiment/json/jsontext"
)

// Decode reads the body of a Profile.CallbackPortraitSet callback and normalizes
// it into an [Event], with what q tells about it. q must have been verified.
//
// The body must be one JSON object in valid UTF-8 with nothing after it, whose
// CallbackCommand, if there, is q's, with a From_Account that is a string and
// not empty, and a ProfileItem that is an array of objects with a string Tag.
// All else is taken as it comes: unknown fields, tags and types of values are
// kept exactly. Of a member or tag that is there twice, the last one counts.
// Errors are [*Error] with [ReasonBadBody].
func Decode(q Query, body []byte) (*Event, error) {
	app, err := ParseSDKAppID(q.SDKAppID)
	if err != nil {
		return nil, refuse(ReasonUnknownApp, err.Error())
	}
	e := &Event{
		SDKAppID: app,
		Command:  q.Command,
		Platform: platformName(q.OptPlatform),
		ClientIP: q.ClientIP,
	}
	if !utf8.Valid(body) {
		return nil, refuse(ReasonBadBody, "not valid UTF-8")
	}
	d := newDecoder(body)
	d.checkDepth = true
	e.body = d.text
	err = d.event(e)
	d.release()
	if err != nil {
		var syntax *jsontext.SyntacticError
		switch {
		case errors.As(err, &syntax):
			err = refuse(ReasonBadBody, fmt.Sprintf("not valid JSON at byte %d", syntax.ByteOffset))
		case errors.Is(err, io.EOF), errors.Is(err, io.ErrUnexpectedEOF):
			err = refuse(ReasonBadBody, "the JSON ends early")
		}
		return nil, err
	}
	return e, nil
}

// decoder reads JSON values as substrings of one copy of the body, so that an
// Event costs few allocations and holds on to nothing else.
type decoder struct {
	text       string
	reader     bytes.Buffer
	json       jsontext.Decoder
	checkDepth bool
}

var decoders = sync.Pool{New: func() any { return new(decoder) }}

var decodeOptions = json.JoinOptions(
	jsontext.AllowDuplicateNames(true), // the last one counts
	jsontext.AllowInvalidUTF8(true),    // invalid bytes were refused already; this allows escaped lone surrogates
)

func newDecoder(body []byte) *decoder {
	d := decoders.Get().(*decoder)
	d.text = string(body)
	d.reader = *bytes.NewBuffer(body)
	d.json.Reset(&d.reader, decodeOptions)
	return d
}

func (d *decoder) release() {
	d.text, d.checkDepth = "", false
	d.reader = bytes.Buffer{}
	decoders.Put(d)
}

// maxDepth is how deeply a value may be nested. JSON parsers of other languages
// give up somewhere from 512 on, and the protocol itself needs three levels.
const maxDepth = 100

// value reads the next value, or an object's next member name.
func (d *decoder) value() (Value, error) {
	v, err := d.json.ReadValue()
	if err != nil {
		return "", err
	}
	end := int(d.json.InputOffset())
	value := Value(d.text[end-len(v) : end])
	if d.checkDepth && value.depth() > maxDepth {
		return "", refuse(ReasonBadBody, fmt.Sprintf("nested more than %d levels deep", maxDepth))
	}
	return value, nil
}

var errNoObject = errors.New("not a JSON object")

// object reads an object and calls member with each of its names; member reads
// the value. It returns where the object began.
func (d *decoder) object(member func(name string) error) (start int64, err error) {
	switch token, err := d.json.ReadToken(); {
	case err != nil:
		return 0, err
	case token.Kind() != '{':
		return 0, errNoObject
	}
	start = d.json.InputOffset() - 1
	for d.json.PeekKind() == '"' {
		name, err := d.value()
		if err != nil {
			return start, err
		}
		text, _ := name.Text()
		if err := member(text); err != nil {
			return start, err
		}
	}
	_, err = d.json.ReadToken()
	return start, err
}

func (d *decoder) event(e *Event) error {
	if k := d.json.PeekKind(); k != '{' && k != 0 {
		return refuse(ReasonBadBody, "not a JSON object")
	}
	var command Value
	var odd []Value
	items := false
	_, err := d.object(func(name string) (err error) {
		switch name {
		case "CallbackCommand":
			command, err = d.value()
		case "Operator_Account":
			e.operator, err = d.value()
		case "From_Account":
			e.from, err = d.value()
		case "EventTime":
			e.eventTime, err = d.value()
		case "ProfileItem":
			items = true
			odd, err = d.items(e)
		default:
			var v Value
			if v, err = d.value(); err == nil {
				e.Extra = append(e.Extra, Member{name, v})
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	switch _, err := d.json.ReadToken(); {
	case err == nil:
		return refuse(ReasonBadBody, "something follows the JSON object")
	case !errors.Is(err, io.EOF):
		return err
	}
	if command != "" {
		if text, ok := command.Text(); !ok || text != e.Command {
			return refuse(ReasonBadBody, "its CallbackCommand is not that of the URL")
		}
	}
	e.FromAccount, _ = e.from.Text()
	if e.FromAccount == "" {
		return refuse(ReasonBadBody, "From_Account is not a string with at least one character")
	}
	if !items {
		return refuse(ReasonBadBody, "ProfileItem is missing")
	}
	if len(odd) > 0 {
		e.Extra = append(e.Extra, Member{"ProfileItem", arrayOf(odd)})
	}
	e.Fields = lastOfEach(e.Fields, (*Field).key)
	e.Extra = lastOfEach(e.Extra, (*Member).key)
	e.OperatorAccount, _ = e.operator.Text()
	e.EventTime = parseEventTime(e.eventTime)
	return nil
}

// items reads the ProfileItem array. It returns, whole, those of its objects
// that have members beyond Tag and Value, so that these are not lost.
func (d *decoder) items(e *Event) (odd []Value, err error) {
	e.Fields = e.Fields[:0]
	if k := d.json.PeekKind(); k != '[' && k != 0 {
		return nil, refuse(ReasonBadBody, "ProfileItem is not an array")
	}
	if _, err := d.json.ReadToken(); err != nil {
		return nil, err
	}
	for i := 0; d.json.PeekKind() != ']'; i++ {
		if k := d.json.PeekKind(); k != '{' && k != 0 {
			return nil, refuse(ReasonBadBody, "ProfileItem["+strconv.Itoa(i)+"] is not an object")
		}
		var tag, value Value
		more := false
		start, err := d.object(func(name string) (err error) {
			switch name {
			case "Tag":
				tag, err = d.value()
			case "Value":
				value, err = d.value()
			default:
				more = true
				_, err = d.value()
			}
			return err
		})
		if err != nil {
			return nil, err
		}
		text, ok := tag.Text()
		if !ok {
			return nil, refuse(ReasonBadBody, "ProfileItem["+strconv.Itoa(i)+"] has no string Tag")
		}
		if more {
			odd = append(odd, Value(d.text[start:d.json.InputOffset()]))
		}
		if e.Fields == nil {
			e.Fields = make([]Field, 0, 4)
		}
		e.Fields = append(e.Fields, normalizeField(text, value))
	}
	_, err = d.json.ReadToken()
	return odd, err
}

// maxEventTime is the last millisecond that RFC 3339 can write.
const maxEventTime = 253402300799999

// parseEventTime reads Unix milliseconds, an integer or a string of digits as
// sibling callbacks send it; anything else is the zero time.
func parseEventTime(v Value) time.Time {
	digits := string(v)
	if text, ok := v.Text(); ok {
		digits = text
	}
	ms, err := strconv.ParseUint(digits, 10, 63)
	if err != nil || ms > maxEventTime {
		return time.Time{}
	}
	return time.UnixMilli(int64(ms)).UTC()
}
