package profile

import (
	"encoding/json"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// normalized has bodies, and the members of the normalized event that follow app and
// command if the query is [bare].
var normalized = map[string]struct{ body, want string }{
	"least": {withItems(""), `"from_account":"u"`},
	"every field": {withItems(`{"Tag":"Tag_Profile_IM_Nick","Value":"n"},{"Tag":"Tag_Profile_IM_Gender","Value":"Gender_Type_Female"},` +
		`{"Tag":"Tag_Profile_IM_BirthDay","Value":20190419},{"Tag":"Tag_Profile_IM_Location","Value":"l"},` +
		`{"Tag":"Tag_Profile_IM_SelfSignature","Value":"s"},{"Tag":"Tag_Profile_IM_AllowType","Value":"AllowType_Type_DenyAny"},` +
		`{"Tag":"Tag_Profile_IM_Language","Value":1},{"Tag":"Tag_Profile_IM_Image","Value":"i"},` +
		`{"Tag":"Tag_Profile_IM_AdminForbidType","Value":"AdminForbid_Type_SendOut"},{"Tag":"Tag_Profile_IM_Level","Value":2},` +
		`{"Tag":"Tag_Profile_IM_Role","Value":3}`),
		`"from_account":"u","profile":{"nick":"n","gender":"female","birthday":20190419,"location":"l","self_signature":"s",` +
			`"allow_type":"deny_any","language":1,"image":"i","admin_forbid_type":"send_out","level":2,"role":3}`},
	"groups in the order of the callback": {
		withItems(`{"Tag":"x","Value":1},{"Tag":"Tag_Profile_Custom_b","Value":2},{"Tag":"Tag_Profile_IM_Nick","Value":"n"},{"Tag":"Tag_Profile_Custom_a","Value":3}`),
		`"from_account":"u","profile":{"nick":"n"},"custom":{"b":2,"a":3},"other":{"x":1}`},
	"tag twice: first place, last value": {
		withItems(`{"Tag":"a","Value":1},{"Tag":"b","Value":2},{"Tag":"a","Value":3}`),
		`"from_account":"u","other":{"a":3,"b":2}`},
	"same name in two groups": {
		withItems(`{"Tag":"Data","Value":1},{"Tag":"Tag_Profile_Custom_Data","Value":2}`),
		`"from_account":"u","custom":{"Data":2},"other":{"Data":1}`},
	"Value missing": {withItems(`{"Tag":"Tag_Profile_IM_Level"}`), `"from_account":"u","profile":{"level":null}`},
	"Value twice":   {withItems(`{"Tag":"a","Value":1,"Value":2}`), `"from_account":"u","other":{"a":2}`},
	"members beyond Tag and Value": {
		withItems(`{"Tag":"a","Value":1},{"Tag":"b", "Value":2,"New":[1]},{"New":1e400,"Tag":"c"}`),
		`"from_account":"u","other":{"a":1,"b":2,"c":null},"extra":{"ProfileItem":[{"Tag":"b", "Value":2,"New":[1]},{"New":1e400,"Tag":"c"}]}`},
	"ProfileItem twice": {
		`{"From_Account":"u","ProfileItem":[{"Tag":"a","Value":1,"x":1}],"ProfileItem":[{"Tag":"b","Value":2}]}`,
		`"from_account":"u","other":{"b":2}`},
	"unknown members, exactly": {
		`{"z":9007199254740993,"From_Account":"u","a":{"b" : [1.0, 1e400, -0,"\ud800\/"], "b":null},"ProfileItem":[],"z":"2"}`,
		`"from_account":"u","extra":{"z":"2","a":{"b" : [1.0, 1e400, -0,"\ud800\/"], "b":null}}`},
	"names with escapes": {
		`{"From\u005fAccount":"u","Profile\u0049tem":[{"\u0054ag":"a\n\"","Value":1}],"\u00e9\u0000":1}`,
		`"from_account":"u","other":{"a\n\"":1},"extra":{"é\u0000":1}`},
	"escapes of UserIDs stay":    {`{"From_Account":"\u4f60\ud800","Operator_Account":"\u4f60","ProfileItem":[]}`, `"operator_account":"\u4f60","from_account":"\u4f60\ud800","self_update":false`},
	"equal in two spellings":     {`{"From_Account":"a","Operator_Account":"\u0061","ProfileItem":[]}`, `"operator_account":"\u0061","from_account":"a","self_update":true`},
	"Operator_Account empty":     {`{"From_Account":"a","Operator_Account":"","ProfileItem":[]}`, `"operator_account":"","from_account":"a","self_update":false`},
	"Operator_Account no string": {`{"From_Account":"a","Operator_Account":{"x":[]},"ProfileItem":[]}`, `"operator_account":{"x":[]},"from_account":"a"`},
	"EventTime digits":           {`{"From_Account":"a","EventTime":"1","ProfileItem":[]}`, `"event_time":"1970-01-01T00:00:00.001Z","from_account":"a"`},
	"EventTime no time":          {`{"From_Account":"a","EventTime":-1.50,"ProfileItem":[]}`, `"event_time":-1.50,"from_account":"a"`},
	"EventTime in another form":  {`{"From_Account":"a","EventTime":"2022-07-04T07:50:52.497+08:00","ProfileItem":[]}`, `"event_time":"2022-07-04T07:50:52.497+08:00","from_account":"a"`},
	"EventTime null":             {`{"From_Account":"a","EventTime":null,"ProfileItem":[]}`, `"event_time":null,"from_account":"a"`},
	"long lists":                 {withItems(strings.Repeat(`{"Tag":"a","Value":1},{"Tag":"b"},`, 50) + `{"Tag":"a","Value":2}`), `"from_account":"u","other":{"a":2,"b":null}`},
}

func TestNormalized(t *testing.T) {
	for name, tc := range normalized {
		t.Run(name, func(t *testing.T) {
			e := decode(t, bare, tc.body)
			want := `{"sdk_appid":1,"command":"Profile.CallbackPortraitSet",` + tc.want + `}`
			once, twice, back := reread(t, e)
			if once != want {
				t.Errorf("got %s\nwant %s", once, want)
			}
			if twice != want {
				t.Errorf("read back: %s\nwant %s", twice, want)
			}
			if !back.EventTime.Equal(e.EventTime) || back.FromAccount != e.FromAccount || back.OperatorAccount != e.OperatorAccount {
				t.Errorf("got %+v\nfrom %+v", back, e)
			}
		})
	}
}

func TestNormalizedQuery(t *testing.T) {
	q := callback.Query{SDKAppID: "18446744073709551615", Command: Command, OptPlatform: "X\xff\"", ClientIP: "::1\xff"}
	e := decode(t, q, withItems(""))
	const want = `{"sdk_appid":18446744073709551615,"command":"Profile.CallbackPortraitSet","from_account":"u",` +
		`"platform":"x` + "\ufffd" + `\"","client_ip":"::1` + "\ufffd" + `"}`
	if once, twice, _ := reread(t, e); once != want || twice != want {
		t.Errorf("got %s\nthen %s\nwant %s", once, twice, want)
	}
}

// An Event need not come from Decode.
func TestNormalizedByHand(t *testing.T) {
	e := &Event{
		SDKAppID: 1, Command: "C", FromAccount: "a", OperatorAccount: "a",
		EventTime: time.Date(2022, 7, 4, 15, 50, 52, 497_999_999, time.FixedZone("", 8*3600)),
		Fields:    []Field{{GroupProfile, "nick", ""}},
		Extra:     []Member{{"x", ""}},
	}
	const want = `{"sdk_appid":1,"command":"C","event_time":"2022-07-04T07:50:52.497Z","operator_account":"a","from_account":"a",` +
		`"self_update":true,"profile":{"nick":null},"extra":{"x":null}}`
	got, err := json.Marshal(e)
	if err != nil || string(got) != want {
		t.Errorf("got %s, %v\nwant %s", got, err, want)
	}
}

func TestUnmarshalForeignJSON(t *testing.T) {
	var e Event
	err := json.Unmarshal([]byte(`{ "custom" : { "a" : [ 1 ] } , "new":{"x":1}, "self_update":"?", "sdk_appid" : 2, "extra":{} }`), &e)
	if err != nil || e.SDKAppID != 2 || len(e.Extra) != 0 {
		t.Fatalf("got %+v, %v", e, err)
	}
	if v, ok := e.Field("custom.a"); !ok || v != "[ 1 ]" {
		t.Errorf("got %q", v)
	}
	// nothing remains of the event that was read before
	if err := json.Unmarshal([]byte(`{"sdk_appid":3}`), &e); err != nil || e.SDKAppID != 3 || e.Fields != nil {
		t.Errorf("got %+v, %v", e, err)
	}
}

func TestUnmarshalRefuses(t *testing.T) {
	for _, body := range []string{
		"", "null", "1", `"x"`, "[]", `["sdk_appid",1]`, "{", `{"sdk_appid":`, `{"sdk_appid":0}`, `{"sdk_appid":"1"}`, `{"sdk_appid":1.0}`,
		`{"profile":null}`, `{"profile":["nick","x"],"command":"C"}`, `{"custom":1}`, `{"other":"x"}`, `{"extra":[]}`, `{"profile":{"nick":}}`,
	} {
		if err := new(Event).UnmarshalJSON([]byte(body)); err == nil {
			t.Errorf("%s: no error", body)
		}
	}
}
