package interop

import (
	"strings"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// input is a callback, and its attributes before they are encoded.
type input struct {
	name              string
	callback          callback.Request
	subject, operator string
	time, changed     string
	asSent            bool // at least one value cannot be normalized
}

func callbackOf(platform, ip, body string) callback.Request {
	return callback.Request{Command: profile.Command, OptPlatform: platform, ClientIP: ip, Body: []byte(body)}
}

var inputs = []input{
	{
		name: "documented sample", callback: callbackOf("iOS", "127.0.0.1", sample.Body),
		subject: "id1", operator: "id1", time: "2022-07-04T07:50:52.497Z", changed: "nick,gender,allow_type,custom.Data",
	},
	{
		name: "no field", callback: callbackOf("RESTAPI", "", `{"From_Account":"u","ProfileItem":[]}`),
		subject: "u",
	},
	{
		name: "every field", callback: callbackOf("Mac", "2001:db8::1", `{"From_Account":"u","Operator_Account":"admin","EventTime":"1656921052000","ProfileItem":[
			{"Tag":"Tag_Profile_IM_Nick","Value":"n"},{"Tag":"Tag_Profile_IM_Gender","Value":"Gender_Type_Female"},
			{"Tag":"Tag_Profile_IM_BirthDay","Value":20190419},{"Tag":"Tag_Profile_IM_Location","Value":"l"},
			{"Tag":"Tag_Profile_IM_SelfSignature","Value":"s"},{"Tag":"Tag_Profile_IM_AllowType","Value":"AllowType_Type_DenyAny"},
			{"Tag":"Tag_Profile_IM_Language","Value":"1"},{"Tag":"Tag_Profile_IM_Image","Value":"https://example.com/a.png"},
			{"Tag":"Tag_Profile_IM_AdminForbidType","Value":"AdminForbid_Type_SendOut"},{"Tag":"Tag_Profile_IM_Level","Value":"007"},
			{"Tag":"Tag_Profile_IM_Role","Value":4294967295}]}`),
		subject: "u", operator: "admin", time: "2022-07-04T07:50:52Z",
		changed: "nick,gender,birthday,location,self_signature,allow_type,language,image,admin_forbid_type,level,role",
	},
	{
		name: "unknown tags and members", callback: callbackOf("HarmonyOS", "::1", `{"New":{"a":[1,{"b":null}]},"From_Account":"u","ProfileItem":[
			{"Tag":"Tag_Profile_IM_New","Value":{"x":9007199254740993}},{"Tag":"Tag_Profile_Custom_a","Value":1e400},
			{"Tag":"plain","Value":[true],"Source":"rest"},{"Tag":""}]}`),
		subject: "u", changed: "Tag_Profile_IM_New,custom.a,plain,",
	},
	{
		name: "weird types", callback: callbackOf("?", "not an address", `{"From_Account":"u","Operator_Account":[1],"EventTime":{"s":1},"ProfileItem":[
			{"Tag":"Tag_Profile_IM_Nick","Value":1},{"Tag":"Tag_Profile_IM_Gender","Value":"Gender_Type_New"},
			{"Tag":"Tag_Profile_IM_BirthDay","Value":"2019-04-19"},{"Tag":"Tag_Profile_IM_AllowType"},
			{"Tag":"Tag_Profile_IM_Level","Value":4294967296},{"Tag":"Tag_Profile_IM_Role","Value":-0.5}]}`),
		subject: "u", changed: "nick,gender,birthday,allow_type,level,role", asSent: true,
	},
	{
		name: "Chinese", callback: callbackOf("安卓", "127.0.0.1", `{"From_Account":"用户 1","Operator_Account":"管理员","EventTime":0,"ProfileItem":[
			{"Tag":"Tag_Profile_IM_Nick","Value":"昵称 😀"},{"Tag":"Tag_Profile_Custom_数据","Value":"你好"}]}`),
		subject: "用户 1", operator: "管理员", time: "1970-01-01T00:00:00Z", changed: "nick,custom.数据",
	},
	{
		name: "characters that headers and CloudEvents forbid", callback: callbackOf("a\r\nX-Evil: 1", "\x00", `{"From_Account":"a\r\nCe-Id: evil\u0000","Operator_Account":"\u007f\ufffe\ud800",
			"ProfileItem":[{"Tag":"\"100%\", or\tso","Value":"\u0000"}]}`),
		subject: "a\ufffd\ufffdCe-Id: evil\ufffd", operator: "\ufffd\ufffd\ufffd", changed: "\"100%\", or\ufffdso",
	},
	{
		name: "long values", callback: callbackOf("Web", "127.0.0.1", `{"From_Account":"`+strings.Repeat("字", 10)+`","ProfileItem":[
			{"Tag":"Tag_Profile_IM_SelfSignature","Value":"`+strings.Repeat("签", 10_000)+`"}]}`),
		subject: strings.Repeat("字", 10), changed: "self_signature",
	},
}
