package profile

import (
	"encoding/json"
	"errors"
	"testing"
	"time"
)

// The sample of Tencent's documents, and its known-good signature.
const (
	sampleToken = "xxxxyyyy"
	sampleTime  = "1669872112"
	sampleSign  = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061"

	sampleQuery = "SdkAppid=1400000000&CallbackCommand=Profile.CallbackPortraitSet" +
		"&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS"
	signedQuery = sampleQuery + "&RequestTime=" + sampleTime + "&Sign=" + sampleSign

	sampleBody = `{
  "CallbackCommand": "Profile.CallbackPortraitSet",
  "Operator_Account": "id1",
  "From_Account": "id1",
  "EventTime": 1656921052497,
  "ProfileItem": [
    {"Tag": "Tag_Profile_IM_Nick", "Value": "nick1"},
    {"Tag": "Tag_Profile_IM_Gender", "Value": "Gender_Type_Male"},
    {"Tag": "Tag_Profile_IM_AllowType", "Value": "AllowType_Type_NeedConfirm"},
    {"Tag": "Tag_Profile_Custom_Data", "Value": "your custom data"}
  ]
}`
	sampleJSON = `{"sdk_appid":1400000000,"command":"Profile.CallbackPortraitSet",` +
		`"event_time":"2022-07-04T07:50:52.497Z","operator_account":"id1","from_account":"id1","self_update":true,` +
		`"platform":"ios","client_ip":"127.0.0.1",` +
		`"profile":{"nick":"nick1","gender":"male","allow_type":"need_confirm"},"custom":{"Data":"your custom data"}}`
)

var sampleNow = time.Unix(1669872112, 0)

// bare is a query that adds to the event only what it must.
var bare = Query{SDKAppID: "1", Command: Command}

func parseQuery(tb testing.TB, raw string) Query {
	tb.Helper()
	q, err := ParseQuery(raw)
	if err != nil {
		tb.Fatal(err)
	}
	return q
}

func decode(tb testing.TB, q Query, body string) *Event {
	tb.Helper()
	e, err := Decode(q, []byte(body))
	if err != nil {
		tb.Fatalf("%v\n%s", err, body)
	}
	return e
}

// withItems is a body with these elements of ProfileItem.
func withItems(items string) string { return `{"From_Account":"u","ProfileItem":[` + items + `]}` }

// reasonOf returns the reason of a refusal, and "" for nil.
func reasonOf(tb testing.TB, err error) Reason {
	tb.Helper()
	if err == nil {
		return ""
	}
	refusal, ok := errors.AsType[*Error](err)
	if !ok {
		tb.Fatalf("error %T %v, want *Error", err, err)
	}
	return refusal.Reason
}

// reread marshals e, reads it back and marshals that.
func reread(tb testing.TB, e *Event) (once, twice string, back *Event) {
	tb.Helper()
	first := e.AppendJSON(nil)
	back = new(Event)
	if err := json.Unmarshal(first, back); err != nil {
		tb.Fatalf("%v\n%s", err, first)
	}
	return string(first), string(back.AppendJSON(nil)), back
}
