// Package sample has the callback that Tencent's documents show, signed with a known
// token, and what becomes of it. Tests and commands share it.
//
// The body is from "After Setting Profile", the query and the token from "Webhook
// Overview" (https://www.tencentcloud.com/document/product/1047/45394 and .../34354).
package sample

// The sample, and the Sign that belongs to it.
const (
	SDKAppID    = "1400000000"
	Token       = "xxxxyyyy"
	RequestTime = "1669872112"
	Sign        = "17773bc39a671d7b9aa835458704d2a6db81360a5940292b587d6d760d484061"

	// UserID is whose profile was changed.
	UserID = "id1"

	// Query is the URL query without what signs it.
	Query = "SdkAppid=" + SDKAppID + "&CallbackCommand=Profile.CallbackPortraitSet" +
		"&contenttype=json&ClientIP=127.0.0.1&OptPlatform=iOS"

	// SignedQuery is the query as Tencent sent it at RequestTime.
	SignedQuery = Query + "&RequestTime=" + RequestTime + "&Sign=" + Sign

	// Body is the body as Tencent sends it.
	Body = `{
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

	// Normalized is the event that Body becomes.
	Normalized = `{"sdk_appid":1400000000,"command":"Profile.CallbackPortraitSet",` +
		`"event_time":"2022-07-04T07:50:52.497Z","operator_account":"id1","from_account":"id1","self_update":true,` +
		`"platform":"ios","client_ip":"127.0.0.1",` +
		`"profile":{"nick":"nick1","gender":"male","allow_type":"need_confirm"},"custom":{"Data":"your custom data"}}`

	// EventID is the event's ID:
	// printf '1400000000\nProfile.CallbackPortraitSet\n%s' "$body" | sha256sum | cut -c 1-32
	EventID = "2e1430597b19708d0204806aae98a921"
)
