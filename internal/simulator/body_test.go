package simulator

import (
	"encoding/json"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

func TestSample(t *testing.T) {
	if got := string(Sample().Body(time.UnixMilli(1656921052497))); got != sample.Body {
		t.Errorf("got %s", got)
	}
}

func TestBody(t *testing.T) {
	change := Change{From: "\"昵\\\u2028", Operator: "admin", Items: []Item{{"Tag_Profile_IM_Level", "3"}, {"Tag_\n", `"<&>"`}}}
	e, err := profile.Decode(callback.Query{SDKAppID: "1", Command: profile.Command}, change.Body(time.UnixMilli(0)))
	if err != nil {
		t.Fatal(err)
	}
	if e.FromAccount != change.From || e.OperatorAccount != "admin" || !e.EventTime.Equal(time.UnixMilli(0)) ||
		len(e.Fields) != 2 || e.Fields[0].Value != "3" || e.Fields[1].Name != "Tag_\n" || e.Fields[1].Value != `"<&>"` {
		t.Errorf("got %+v", e)
	}
}

func TestParseItem(t *testing.T) {
	for s, want := range map[string]Item{
		"Tag_Profile_IM_Nick=nick2":          {"Tag_Profile_IM_Nick", `"nick2"`},
		"Tag_Profile_IM_Nick=":               {"Tag_Profile_IM_Nick", `""`},
		"Tag_Profile_IM_Image=https://x?a=b": {"Tag_Profile_IM_Image", `"https://x?a=b"`},
		"Tag_Profile_IM_Level=0":             {"Tag_Profile_IM_Level", "0"},
		"Tag_Profile_IM_BirthDay=20190419":   {"Tag_Profile_IM_BirthDay", "20190419"},
		"Tag_Profile_IM_Role=4294967295":     {"Tag_Profile_IM_Role", "4294967295"},
		"Tag_Profile_IM_Language=007":        {"Tag_Profile_IM_Language", "7"},
		"Tag_Profile_Custom_Level=3":         {"Tag_Profile_Custom_Level", `"3"`},
		"Tag_Future=\"":                      {"Tag_Future", `"\""`},
	} {
		if got, err := ParseItem(s); err != nil || got != want {
			t.Errorf("%q: got %+v, %v", s, got, err)
		}
	}
	for s, want := range map[string]string{
		"":                                "Tag=Value",
		"Tag_Profile_IM_Nick":             "Tag=Value",
		"=x":                              "not a tag",
		"nick=x":                          "not a tag",
		" Tag_Profile_IM_Nick=x":          "not a tag",
		"Tag_Profile_IM_Nick=\xff":        "UTF-8",
		"Tag_Profile_IM_Level=":           "integer from 0 to 4294967295",
		"Tag_Profile_IM_Level=-1":         "integer",
		"Tag_Profile_IM_Level=4294967296": "integer",
		"Tag_Profile_IM_Level=1.0":        "integer",
		"Tag_Profile_IM_BirthDay=+1":      "integer",
	} {
		if got, err := ParseItem(s); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: got %+v, %v, want %q", s, got, err, want)
		}
	}
}

func TestParseEventTime(t *testing.T) {
	for s, want := range map[string]int64{
		"100000000000":                   100000000000,
		"1656921052497":                  1656921052497,
		"253402300799999":                253402300799999,
		"2022-07-04T07:50:52.497Z":       1656921052497,
		"2022-07-04T15:50:52.4979+08:00": 1656921052497,
		"1970-01-01T00:00:00Z":           0,
		"9999-12-31T23:59:59.999Z":       253402300799999,
	} {
		if got, err := ParseEventTime(s); err != nil || got.UnixMilli() != want || got.Location() != time.UTC {
			t.Errorf("%q: got %v, %v", s, got, err)
		}
	}
	for _, s := range []string{
		"", "now", "-1", "0", "1656921052", "99999999999", "1.5", "1e3", "253402300800000", strings.Repeat("9", 30), "2022-07-04", "2022-07-04 07:50:52Z",
		"1969-12-31T23:59:59.999Z", "9999-12-31T23:59:59-01:00",
	} {
		if got, err := ParseEventTime(s); err == nil {
			t.Errorf("%q: got %v", s, got)
		}
	}
}

func TestCheckUserID(t *testing.T) {
	for s, ok := range map[string]bool{"id1": true, "昵 称": true, "": false, "\xff": false} {
		if err := CheckUserID(s); (err == nil) != ok {
			t.Errorf("%q: got %v", s, err)
		}
	}
}

func TestEventClock(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		var c EventClock
		now := time.Now().UnixMilli()
		for i := range int64(3) { // these times are requested within one millisecond
			if got := c.Next().UnixMilli(); got != now+i {
				t.Errorf("%d: got %d, want %d", i, got, now+i)
			}
		}
		time.Sleep(time.Second)
		if got := c.Next().UnixMilli(); got != now+1000 {
			t.Errorf("later: got %d, want %d", got, now+1000)
		}
	})
	c := EventClock{Start: time.UnixMilli(0)}
	for i := range int64(3) {
		if got := c.Next().UnixMilli(); got != i {
			t.Errorf("from a start: got %d, want %d", got, i)
		}
	}
}

// The items that ParseItem accepts are unchanged after a body is decoded.
func FuzzParseItem(f *testing.F) {
	for _, s := range []string{"Tag_Profile_IM_Nick=a\"\\\n\u2028", "Tag_Profile_IM_Level=007", "Tag_=", "nick=x", "Tag_\xff=x", "Tag_\x00=\x7f=="} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		item, err := ParseItem(s)
		if err != nil {
			return
		}
		tag, value, _ := strings.Cut(s, "=")
		body := Change{From: "u", Operator: "u", Items: []Item{item}}.Body(time.UnixMilli(1))
		var got struct {
			ProfileItem []struct {
				Tag   string
				Value any
			}
		}
		if err := json.Unmarshal(body, &got); err != nil || len(got.ProfileItem) != 1 || got.ProfileItem[0].Tag != tag {
			t.Fatalf("%q: %v in %s", s, err, body)
		}
		switch v := got.ProfileItem[0].Value.(type) {
		case string:
			if v != value || profile.IsUint32(tag) {
				t.Errorf("%q: got %q", s, v)
			}
		case float64:
			if !profile.IsUint32(tag) || v < 0 || v > 1<<32-1 {
				t.Errorf("%q: got %v", s, v)
			}
		default:
			t.Errorf("%q: got %T", s, v)
		}
		if _, err := profile.Decode(callback.Query{SDKAppID: "1", Command: profile.Command}, body); err != nil {
			t.Errorf("%q: %v", s, err)
		}
	})
}

func FuzzParseEventTime(f *testing.F) {
	for _, s := range []string{"0", "1656921052497", "2022-07-04T15:50:52.4979+08:00", "9999-12-31T23:59:59.9999Z", "1969-12-31T23:59:59.9999Z", "٣"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		at, err := ParseEventTime(s)
		if err != nil {
			return
		}
		e, err := profile.Decode(callback.Query{SDKAppID: "1", Command: profile.Command}, Sample().Body(at))
		if err != nil || !e.EventTime.Equal(at) || e.EventTime.Before(time.UnixMilli(0)) {
			t.Errorf("%q: got %v, %v", s, at, err)
		}
	})
}
