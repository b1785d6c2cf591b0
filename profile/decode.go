package profile

import (
	"strconv"
	"time"
	"unicode/utf8"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/jsonread"
)

// Decode reads the body of a Profile.CallbackPortraitSet callback and returns it as a
// normalized [Event]. The app, command, platform and address of the client come from q,
// which must have been verified before.
//
// The body must be one JSON object in valid UTF-8 with nothing after it. It must have a
// From_Account that is a string and not empty, and a ProfileItem that is an array of
// objects with a string Tag. If it has a CallbackCommand, this must be the command of q.
// Everything else is accepted: unknown fields, tags and types of values are kept exactly
// as they were sent. If a member or tag occurs more than once, the last one counts.
// Errors are [*callback.Error] with [callback.ReasonBadBody], or with
// [callback.ReasonUnknownApp] if the SDKAppID of q is not valid.
func Decode(q callback.Query, body []byte) (*Event, error) {
	app, err := callback.ParseSDKAppID(q.SDKAppID)
	if err != nil {
		return nil, &callback.Error{Reason: callback.ReasonUnknownApp, Detail: err.Error()}
	}
	e := &Event{
		SDKAppID: app,
		Command:  q.Command,
		Platform: callback.PlatformName(q.OptPlatform),
		ClientIP: callback.CanonicalIP(q.ClientIP),
	}
	if !utf8.Valid(body) {
		return nil, badBody("not valid UTF-8")
	}
	d := decoder{jsonread.New(body, callback.MaxDepth)}
	defer d.Release()
	e.body = d.Text()
	if err := d.event(e); err != nil {
		return nil, callback.BadBody(err)
	}
	return e, nil
}

type decoder struct{ *jsonread.Reader }

func (d decoder) value() (callback.Value, error) {
	v, err := d.Value()
	return callback.Value(v), err
}

func badBody(detail string) *callback.Error {
	return &callback.Error{Reason: callback.ReasonBadBody, Detail: detail}
}

func (d decoder) event(e *Event) error {
	if k := d.Peek(); k != '{' && k != 0 {
		return badBody("not a JSON object")
	}
	var command callback.Value
	var odd []callback.Value
	items := false
	_, err := d.Object(func(name string) (err error) {
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
			var v callback.Value
			if v, err = d.value(); err == nil {
				e.Extra = append(e.Extra, Member{name, v})
			}
		}
		return err
	})
	if err != nil {
		return err
	}
	if err := d.End(); err != nil {
		return err
	}
	if err := callback.CheckCommand(command, e.Command); err != nil {
		return err
	}
	e.FromAccount, _ = e.from.Text()
	if e.FromAccount == "" {
		return badBody("From_Account is not a string with at least one character")
	}
	if !items {
		return badBody("ProfileItem is missing")
	}
	if len(odd) > 0 {
		e.Extra = append(e.Extra, Member{"ProfileItem", arrayOf(odd)})
	}
	e.Fields = lastOfEach(e.Fields, (*Field).key)
	e.Extra = lastOfEach(e.Extra, (*Member).key)
	e.OperatorAccount, _ = e.operator.Text()
	e.EventTime = callback.ParseEventTime(e.eventTime, time.Millisecond)
	return nil
}

// items reads the array ProfileItem. So that nothing is lost, it returns those of its
// objects that have more members than Tag and Value.
func (d decoder) items(e *Event) (odd []callback.Value, err error) {
	e.Fields = e.Fields[:0]
	if k := d.Peek(); k != '[' && k != 0 {
		return nil, badBody("ProfileItem is not an array")
	}
	if _, err := d.Token(); err != nil {
		return nil, err
	}
	for i := 0; d.Peek() != ']'; i++ {
		if k := d.Peek(); k != '{' && k != 0 {
			return nil, badBody("ProfileItem[" + strconv.Itoa(i) + "] is not an object")
		}
		var tag, value callback.Value
		more := false
		start, err := d.Object(func(name string) (err error) {
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
			return nil, badBody("ProfileItem[" + strconv.Itoa(i) + "] has no string Tag")
		}
		if more {
			odd = append(odd, callback.Value(d.Text()[start:d.Offset()]))
		}
		if e.Fields == nil {
			e.Fields = make([]Field, 0, 4)
		}
		e.Fields = append(e.Fields, normalizeField(text, value))
	}
	_, err = d.Token()
	return odd, err
}

// arrayOf returns a JSON array of values.
func arrayOf(values []callback.Value) callback.Value {
	array := []byte{'['}
	for i, v := range values {
		if i > 0 {
			array = append(array, ',')
		}
		array = append(array, v...)
	}
	return callback.Value(append(array, ']'))
}
