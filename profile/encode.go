package profile

import (
	"strconv"
	"time"
)

// TimeFormat is how the event's time is written: RFC 3339 with milliseconds.
const TimeFormat = "2006-01-02T15:04:05.000Z07:00"

// MarshalJSON returns the normalized event, as event.schema.json beside this
// file describes it.
func (e *Event) MarshalJSON() ([]byte, error) {
	return e.AppendJSON(make([]byte, 0, 512)), nil
}

// AppendJSON appends the normalized event to dst.
func (e *Event) AppendJSON(dst []byte) []byte {
	dst = append(dst, `{"sdk_appid":`...)
	dst = strconv.AppendUint(dst, e.SDKAppID, 10)
	dst = append(dst, `,"command":`...)
	dst = appendQuote(dst, e.Command)
	switch {
	case !e.EventTime.IsZero():
		dst = append(dst, `,"event_time":"`...)
		dst = e.EventTime.UTC().AppendFormat(dst, TimeFormat)
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
	dst = appendObject(dst, "extra", len(e.Extra), func(i int) (string, Value, bool) {
		return e.Extra[i].Name, e.Extra[i].Value, true
	})
	return append(dst, '}')
}

// appendText appends a member unless it is empty; asSent, if there, is what it
// looked like in the callback.
func appendText(dst []byte, name, text string, asSent Value) []byte {
	if text == "" && asSent == "" {
		return dst
	}
	dst = append(dst, ',', '"')
	dst = append(dst, name...)
	dst = append(dst, '"', ':')
	if asSent != "" {
		return append(dst, asSent...)
	}
	return appendQuote(dst, text)
}

func (e *Event) appendGroup(dst []byte, name string, group Group) []byte {
	return appendObject(dst, name, len(e.Fields), func(i int) (string, Value, bool) {
		f := &e.Fields[i]
		return f.Name, f.Value, f.Group == group
	})
}

// appendObject appends a member that is an object of up to n members, or
// nothing if it has none.
func appendObject(dst []byte, name string, n int, member func(int) (name string, v Value, ok bool)) []byte {
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
		dst = appendQuote(dst, key)
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

// UnmarshalJSON reads a normalized event, as the module sends it. Members that
// it does not know are skipped. The ID is not in there but in the ce-id header,
// and the order of the changed fields is in ce-changed.
func (e *Event) UnmarshalJSON(body []byte) error {
	*e = Event{}
	d := newDecoder(body)
	defer d.release()
	_, err := d.object(func(name string) error {
		switch name {
		case "profile":
			return d.group(e, GroupProfile)
		case "custom":
			return d.group(e, GroupCustom)
		case "other":
			return d.group(e, GroupOther)
		case "extra":
			_, err := d.object(func(name string) error {
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
			e.SDKAppID, err = ParseSDKAppID(string(v))
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

// parseTime reads a time that AppendJSON wrote. What was no time in the callback
// may look like one, in another form; it stays as it is.
func parseTime(v Value) time.Time {
	text, _ := v.Text()
	t, err := time.Parse(TimeFormat, text)
	if err != nil || t.UTC().Format(TimeFormat) != text {
		return time.Time{}
	}
	return t.UTC()
}

func (d *decoder) group(e *Event, group Group) error {
	_, err := d.object(func(name string) error {
		v, err := d.value()
		e.Fields = append(e.Fields, Field{group, name, v})
		return err
	})
	return err
}
