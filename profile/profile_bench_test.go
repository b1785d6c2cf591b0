package profile

import "testing"

const sampleBody = `{
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
const sampleQuery = "SdkAppid=1400000000&CallbackCommand=Profile.CallbackPortraitSet&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS"

func BenchmarkParseQuery(b *testing.B) {
	b.ReportAllocs()
	for b.Loop() {
		if _, err := ParseQuery(sampleQuery + "&RequestTime=1669872112&Sign=17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061"); err != nil {
			b.Fatal(err)
		}
	}
}
func BenchmarkDecode(b *testing.B) {
	q, _ := ParseQuery(sampleQuery)
	body := []byte(sampleBody)
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(q, body); err != nil {
			b.Fatal(err)
		}
	}
}
func BenchmarkEncode(b *testing.B) {
	q, _ := ParseQuery(sampleQuery)
	e, _ := Decode(q, []byte(sampleBody))
	b.ReportAllocs()
	buf := make([]byte, 0, 1024)
	for b.Loop() {
		buf = e.AppendJSON(buf[:0])
	}
}
func TestX(t *testing.T) {
	q, _ := ParseQuery(sampleQuery)
	e, err := Decode(q, []byte(sampleBody))
	t.Log(err)
	t.Log(string(e.AppendJSON(nil)))
}
