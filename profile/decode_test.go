package profile

import (
	"bytes"
	"encoding/json"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

func TestDecodeSample(t *testing.T) {
	e := decode(t, parseQuery(t, sample.Query), sample.Body)
	if got := string(e.AppendJSON(nil)); got != sample.Normalized {
		t.Errorf("got %s\nwant %s", got, sample.Normalized)
	}
	if want := time.UnixMilli(1656921052497); !e.EventTime.Equal(want) || e.EventTime.Location() != time.UTC {
		t.Errorf("EventTime %v", e.EventTime)
	}
	if got := strings.Join(e.Changed(), ","); got != "nick,gender,allow_type,custom.Data" {
		t.Errorf("changed %s", got)
	}
}

func TestDecodeRefuses(t *testing.T) {
	for name, tc := range map[string]struct{ body, detail string }{
		"empty":                         {"", "the JSON ends early"},
		"white space":                   {" \n", "the JSON ends early"},
		"null":                          {"null", "not a JSON object"},
		"array":                         {"[]", "not a JSON object"},
		"string":                        {`"{}"`, "not a JSON object"},
		"no JSON":                       {"SdkAppid=1", "not valid JSON at byte 0"},
		"byte order mark":               {"\ufeff" + sample.Body, "not valid JSON at byte 0"},
		"invalid UTF-8":                 {`{"From_Account":"` + "\xff" + `","ProfileItem":[]}`, "not valid UTF-8"},
		"UTF-8 of a surrogate":          {`{"From_Account":"` + "\xed\xa0\x80" + `","ProfileItem":[]}`, "not valid UTF-8"},
		"something after it":            {withItems("") + "{}", "something follows the JSON object"},
		"a bracket after it":            {withItems("") + "}", "not valid JSON"},
		"garbage after it":              {withItems("") + "x", "not valid JSON"},
		"NUL after it":                  {withItems("") + "\x00", "not valid JSON"},
		"comment":                       {"/**/" + withItems(""), "not valid JSON at byte 0"},
		"trailing comma":                {`{"From_Account":"u","ProfileItem":[],}`, "not valid JSON"},
		"control character in string":   {`{"From_Account":"a` + "\n" + `","ProfileItem":[]}`, "not valid JSON"},
		"leading zero":                  {`{"From_Account":"u","ProfileItem":[],"EventTime":01}`, "not valid JSON"},
		"another command":               {`{"CallbackCommand":"State.StateChange","From_Account":"u","ProfileItem":[]}`, "CallbackCommand differs from the one in the URL"},
		"command that is no string":     {`{"CallbackCommand":null,"From_Account":"u","ProfileItem":[]}`, "CallbackCommand differs from the one in the URL"},
		"empty command":                 {`{"CallbackCommand":"","From_Account":"u","ProfileItem":[]}`, "CallbackCommand differs from the one in the URL"},
		"last command counts":           {`{"CallbackCommand":"Profile.CallbackPortraitSet","CallbackCommand":"x","From_Account":"u","ProfileItem":[]}`, "CallbackCommand differs from the one in the URL"},
		"no From_Account":               {`{"ProfileItem":[]}`, "From_Account is not a string"},
		"empty From_Account":            {`{"From_Account":"","ProfileItem":[]}`, "From_Account is not a string"},
		"From_Account that is a number": {`{"From_Account":1,"ProfileItem":[]}`, "From_Account is not a string"},
		"last From_Account counts":      {`{"From_Account":"u","From_Account":"","ProfileItem":[]}`, "From_Account is not a string"},
		"name in another case":          {`{"from_account":"u","ProfileItem":[]}`, "From_Account is not a string"},
		"no ProfileItem":                {`{"From_Account":"u"}`, "ProfileItem is missing"},
		"ProfileItem null":              {`{"From_Account":"u","ProfileItem":null}`, "ProfileItem is not an array"},
		"ProfileItem object":            {`{"From_Account":"u","ProfileItem":{}}`, "ProfileItem is not an array"},
		"item that is no object":        {withItems(`{"Tag":"t"},"t"`), "ProfileItem[1] is not an object"},
		"item without Tag":              {withItems(`{"Value":1}`), "ProfileItem[0] has no string Tag"},
		"Tag that is no string":         {withItems(`{"Tag":1,"Value":1}`), "ProfileItem[0] has no string Tag"},
		"last Tag counts":               {withItems(`{"Tag":"t","Tag":null}`), "ProfileItem[0] has no string Tag"},
		"deep in an unknown member":     {`{"From_Account":"u","x":` + strings.Repeat("[", 100_000), "not valid JSON"},
		"deep in objects":               {`{"From_Account":"u","x":` + strings.Repeat(`{"x":`, 100_000), "not valid JSON"},
		"deep in a value":               {withItems(`{"Tag":"t","Value":` + strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000) + "}"), "not valid JSON"},
		"101 levels":                    {`{"From_Account":"u","x":` + strings.Repeat("[", 101) + strings.Repeat("]", 101) + "}", "nested more than 100 levels"},
		"deep from the start":           {strings.Repeat("[", 100_000), "not a JSON object"},
		"deep ProfileItem":              {`{"ProfileItem":` + strings.Repeat("[", 100_000), "ProfileItem[0] is not an object"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := Decode(bare, []byte(tc.body))
			if r := reasonOf(t, err); r != callback.ReasonBadBody || e != nil {
				t.Fatalf("reason %q", r)
			}
			if got := err.(*callback.Error).Detail; !strings.Contains(got, tc.detail) {
				t.Errorf("detail %q, want %q", got, tc.detail)
			}
		})
	}
}

func TestDecodeTruncated(t *testing.T) {
	q := parseQuery(t, sample.Query)
	for n := range len(sample.Body) {
		_, err := Decode(q, []byte(sample.Body[:n]))
		if r := reasonOf(t, err); r != callback.ReasonBadBody {
			t.Errorf("%d bytes: reason %q", n, r)
		}
	}
}

// Decode accepts the same SDKAppIDs as a Verifier.
func TestDecodeRefusesApp(t *testing.T) {
	_, err := Decode(callback.Query{SDKAppID: "01", Command: Command}, []byte(sample.Body))
	if r := reasonOf(t, err); r != callback.ReasonUnknownApp {
		t.Errorf("reason %q", r)
	}
}

// The module reads bodies into buffers that it reuses, so an Event must not refer to them.
func TestDecodeKeepsNothingOfTheBody(t *testing.T) {
	body := []byte(sample.Body)
	e, err := Decode(parseQuery(t, sample.Query), body)
	if err != nil {
		t.Fatal(err)
	}
	if string(body) != sample.Body {
		t.Error("the body was changed")
	}
	clear(body)
	if got := string(e.AppendJSON(nil)); got != sample.Normalized {
		t.Errorf("got %s", got)
	}
}

func TestDecodeConcurrently(t *testing.T) {
	q := parseQuery(t, sample.Query)
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for range 100 {
				if _, err := Decode(q, []byte(sample.Body[:200])); err == nil {
					t.Error("no error")
				}
				e, err := Decode(q, []byte(sample.Body))
				if err != nil || string(e.AppendJSON(nil)) != sample.Normalized {
					t.Errorf("got %v, %v", e, err)
				}
			}
		})
	}
	wg.Wait()
}

func TestParseEventTime(t *testing.T) {
	for sent, want := range map[string]string{
		`1656921052497`:        "2022-07-04T07:50:52.497Z",
		`"1656921052497"`:      "2022-07-04T07:50:52.497Z",
		`0`:                    "1970-01-01T00:00:00.000Z",
		`253402300799999`:      "9999-12-31T23:59:59.999Z",
		`253402300800000`:      "",
		`18446744073709551616`: "",
		`-1`:                   "",
		`1.5`:                  "",
		`1e3`:                  "",
		`""`:                   "",
		`" 1"`:                 "",
		`"+1"`:                 "",
		`"yesterday"`:          "",
		`null`:                 "",
		`true`:                 "",
		`[1]`:                  "",
	} {
		got := ""
		if e := decode(t, bare, `{"From_Account":"u","ProfileItem":[],"EventTime":`+sent+`}`); !e.EventTime.IsZero() {
			got = e.EventTime.Format(callback.TimeFormat)
		}
		if got != want {
			t.Errorf("%s: got %q, want %q", sent, got, want)
		}
	}
}

// FuzzDecode compares Decode with encoding/json. Decode is stricter in two ways: it refuses
// invalid UTF-8, and if there are two ProfileItem members, the first one must be
// well-formed too. Both compare names of members with regard to case, since the reference
// decodes into maps.
func FuzzDecode(f *testing.F) {
	for _, body := range []string{
		sample.Body, withItems(""), withItems(`{"Tag":"t","Tag":"u","x":[1e400,"\ud800"]}`), "null", `{"a":1}{}`, "{} x",
		`{"From_Account":"\ud83d\ude00","Operator_Account":1,"EventTime":"1","ProfileItem":[],"ProfileItem":[{"Tag":""}]}`,
		withItems(`{"Tag":"Tag_Profile_IM_Level","Value":"007"},{"Tag":"Tag_Profile_IM_Level","Value":-0.0}`),
		`{"From_Account":"u","ProfileItem":[],"EventTime":"2022-07-04T07:50:52.497+08:00","` + "\u2028" + `":"\u0000"}`,
	} {
		f.Add([]byte(body), "iOS", "127.0.0.1")
	}
	f.Fuzz(func(t *testing.T, body []byte, platform, ip string) {
		q := callback.Query{SDKAppID: "1", Command: Command, OptPlatform: platform, ClientIP: ip}
		sent := bytes.Clone(body)
		e, err := Decode(q, body)
		if !bytes.Equal(sent, body) {
			t.Fatal("the body was changed")
		}
		from, ok := reference(body)
		if err != nil {
			if r := reasonOf(t, err); r != callback.ReasonBadBody {
				t.Fatalf("reason %q", r)
			}
			plain := bytes.ToValidUTF8(body, nil)
			if ok && len(plain) == len(body) && bytes.Count(body, []byte("ProfileItem")) == 1 && !bytes.Contains(body, []byte(`\u`)) {
				t.Fatalf("refused: %v\n%s", err, body)
			}
			return
		}
		if !ok || e.FromAccount != from || from == "" {
			t.Fatalf("accepted: %q, want %q %v\n%s", e.FromAccount, from, ok, body)
		}
		once, twice, back := reread(t, e)
		if !json.Valid([]byte(once)) || once != twice {
			t.Fatalf("%s\n%s", once, twice)
		}
		if back.FromAccount != from || len(back.Fields) != len(e.Fields) || len(back.Extra) != len(e.Extra) {
			t.Fatalf("got %+v\nfrom %+v", back, e)
		}
	})
}

// reference uses encoding/json to tell whether body is the body of a callback, and returns
// its From_Account.
func reference(body []byte) (from string, ok bool) {
	var members map[string]json.RawMessage
	if json.Unmarshal(body, &members) != nil || members == nil {
		return "", false
	}
	text := func(v json.RawMessage) (s string) {
		_ = json.Unmarshal(v, &s)
		return s
	}
	if v, there := members["CallbackCommand"]; there && text(v) != Command {
		return "", false
	}
	var items []map[string]json.RawMessage
	if json.Unmarshal(members["ProfileItem"], &items) != nil || items == nil {
		return "", false
	}
	for _, item := range items {
		if tag := item["Tag"]; len(tag) == 0 || tag[0] != '"' {
			return "", false
		}
	}
	from = text(members["From_Account"])
	return from, from != ""
}
