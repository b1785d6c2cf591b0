package profile

import (
	"strconv"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/jsonread"
)

// MarshalJSON returns the normalized event, in the form that event.schema.json in this
// package's directory describes. It never returns an error.
func (e *Event) MarshalJSON() ([]byte, error) {
	return e.AppendJSON(make([]byte, 0, 512)), nil
}

// AppendJSON appends what [Event.MarshalJSON] returns to dst.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"sdk_appid":`...)
	dst = strconv.AppendUint(dst, e.SDKAppID, 10)
	dst = append(dst, `,"command":`...)
	dst = callback.AppendQuote(dst, e.Command)
	switch {
	case !e.EventTime.IsZero():
		dst = append(dst, `,"event_time":"`...)
		dst = e.EventTime.UTC().AppendFormat(dst, callback.TimeFormat)
		dst = append(dst, '"')
	case e.eventTime != "":
		dst = append(dst, `,"event_time":`...)
		dst = append(dst, e.eventTime...)
	}
	dst = appendText(dst, "operator_account", e.OperatorAccount, e.operator)
	dst = appendText(dst, "from_account", e.FromAccount, e.from)
	if self, known := e.SelfUpdate(); known {
		dst = append(dst, `,"self_update":`...)
		dst = strconv.AppendBool(dst, self)
	}
	dst = appendText(dst, "platform", e.Platform, "")
	dst = appendText(dst, "client_ip", e.ClientIP, "")
	dst = e.appendGroup(dst, "profile", GroupProfile)
	dst = e.appendGroup(dst, "custom", GroupCustom)
	dst = e.appendGroup(dst, "other", GroupOther)
	dst = appendObject(dst, "extra", len(e.Extra), func(i int) (string, callback.Value, bool) {
		return e.Extra[i].Name, e.Extra[i].Value, true
	})
	return append(dst, '}')
}

// appendText appends a member with the value asSent or, if that is "", with text as a
// string. It appends nothing if both are empty.
func appendText(dst []byte, name, text string, asSent callback.Value) []byte {
	if text == "" && asSent == "" {
		return dst
	}
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	if asSent != "" {
		return append(dst, asSent...)
	}
	return callback.AppendQuote(dst, text)
}

func (e *Event) appendGroup(dst []byte, name string, group Group) []byte {
	return appendObject(dst, name, len(e.Fields), func(i int) (string, callback.Value, bool) {
		f := &e.Fields[i]
		return f.Name, f.Value, f.Group == group
	})
}

// appendObject appends a member whose value is an object. The object has those of n
// possible members for which ok is true. If there are none, nothing is appended.
func appendObject(dst []byte, name string, n int, member func(int) (name string, v callback.Value, ok bool)) []byte {
	open := false
	for i := range n {
		key, v, ok := member(i)
		switch {
		case !ok:
			continue
		case open:
			dst = append(dst, ',')
		default:
			open = true
			dst = append(dst, ',', '"')
			dst = append(dst, name...)
			dst = append(dst, '"', ':', '{')
		}
		dst = callback.AppendQuote(dst, key)
		dst = append(dst, ':')
		if v == "" {
			v = "null"
		}
		dst = append(dst, v...)
	}
	if open {
		dst = append(dst, '}')
	}
	return dst
}

// UnmarshalJSON reads a normalized event that the module sent. Unknown members are
// skipped. The JSON has neither the ID of the event, which is in the header ce-id, nor the
// order of the changed fields across the groups, which is in ce-changed. UnmarshalJSON
// returns an error if body is not a JSON object, if the SDKAppID is not valid, or if a
// group of fields is not an object.
func (e *Event) UnmarshalJSON(body []byte) error {
	*e = Event{}
	d := decoder{jsonread.New(body, 0)}
	defer d.Release()
	_, err := d.Object(func(name string) error {
		switch name {
		case "profile":
			return d.group(e, GroupProfile)
		case "custom":
			return d.group(e, GroupCustom)
		case "other":
			return d.group(e, GroupOther)
		case "extra":
			_, err := d.Object(func(name string) error {
				v, err := d.value()
				e.Extra = append(e.Extra, Member{name, v})
				return err
			})
			return err
		}
		v, err := d.value()
		if err != nil {
			return err
		}
		switch name {
		case "sdk_appid":
			e.SDKAppID, err = callback.ParseSDKAppID(string(v))
		case "command":
			e.Command, _ = v.Text()
		case "event_time":
			e.eventTime = v
			e.EventTime = parseTime(v)
		case "operator_account":
			e.operator = v
			e.OperatorAccount, _ = v.Text()
		case "from_account":
			e.from = v
			e.FromAccount, _ = v.Text()
		case "platform":
			e.Platform, _ = v.Text()
		case "client_ip":
			e.ClientIP, _ = v.Text()
		}
		return err
	})
	return err
}

// parseTime reads a time in the form in which AppendJSON writes it. It returns the zero
// time for any other form, in which the callback may have sent something that only looks
// like a time.
func parseTime(v callback.Value) time.Time {
	text, _ := v.Text()
	t, err := time.Parse(callback.TimeFormat, text)
	if err != nil || t.UTC().Format(callback.TimeFormat) != text {
		return time.Time{}
	}
	return t.UTC()
}

func (d decoder) group(e *Event, group Group) error {
	_, err := d.Object(func(name string) error {
		v, err := d.value()
		e.Fields = append(e.Fields, Field{group, name, v})
		return err
	})
	return err
}
