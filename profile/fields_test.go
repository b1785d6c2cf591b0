package profile

import (
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

func TestNormalizeField(t *testing.T) {
	for _, tc := range []struct{ tag, sent, field, want string }{
		{"Tag_Profile_IM_Nick", `"nick1"`, "nick", `"nick1"`},
		{"Tag_Profile_IM_Nick", `"Gender_Type_Male"`, "nick", `"Gender_Type_Male"`},
		{"Tag_Profile_IM_Nick", `"123"`, "nick", `"123"`},
		{"Tag_Profile_IM_Nick", `"昵称\u0000\/"`, "nick", `"昵称\u0000\/"`},
		{"Tag_Profile_IM_Location", `""`, "location", `""`},
		{"Tag_Profile_IM_SelfSignature", `"\ud800"`, "self_signature", `"\ud800"`},
		{"Tag_Profile_IM_Image", `"https://example.com/a.png"`, "image", `"https://example.com/a.png"`},

		{"Tag_Profile_IM_Gender", `"Gender_Type_Unknown"`, "gender", `"unknown"`},
		{"Tag_Profile_IM_Gender", `"Gender_Type_Female"`, "gender", `"female"`},
		{"Tag_Profile_IM_Gender", `"Gender_Type_Male"`, "gender", `"male"`},
		{"Tag_Profile_IM_Gender", `"Gender\u005fType_Male"`, "gender", `"male"`},
		{"Tag_Profile_IM_Gender", `"Gender_Type_Other"`, "gender", `"Gender_Type_Other"`},
		{"Tag_Profile_IM_Gender", `"gender_type_male"`, "gender", `"gender_type_male"`},
		{"Tag_Profile_IM_Gender", `"AllowType_Type_AllowAny"`, "gender", `"AllowType_Type_AllowAny"`},
		{"Tag_Profile_IM_Gender", `1`, "gender", `1`},
		{"Tag_Profile_IM_Gender", `"1"`, "gender", `"1"`},
		{"Tag_Profile_IM_AllowType", `"AllowType_Type_NeedConfirm"`, "allow_type", `"need_confirm"`},
		{"Tag_Profile_IM_AllowType", `"AllowType_Type_AllowAny"`, "allow_type", `"allow_any"`},
		{"Tag_Profile_IM_AllowType", `"AllowType_Type_DenyAny"`, "allow_type", `"deny_any"`},
		{"Tag_Profile_IM_AdminForbidType", `"AdminForbid_Type_None"`, "admin_forbid_type", `"none"`},
		{"Tag_Profile_IM_AdminForbidType", `"AdminForbid_Type_SendOut"`, "admin_forbid_type", `"send_out"`},

		{"Tag_Profile_IM_BirthDay", `20190419`, "birthday", `20190419`},
		{"Tag_Profile_IM_BirthDay", `"20190419"`, "birthday", `20190419`},
		{"Tag_Profile_IM_Language", `"0"`, "language", `0`},
		{"Tag_Profile_IM_Level", `"007"`, "level", `7`},
		{"Tag_Profile_IM_Level", `"\u0031"`, "level", `1`},
		{"Tag_Profile_IM_Role", `"4294967295"`, "role", `4294967295`},
		{"Tag_Profile_IM_Role", `"4294967296"`, "role", `"4294967296"`},
		{"Tag_Profile_IM_Role", `4294967296`, "role", `4294967296`},
		{"Tag_Profile_IM_Role", `"-1"`, "role", `"-1"`},
		{"Tag_Profile_IM_Role", `"+1"`, "role", `"+1"`},
		{"Tag_Profile_IM_Role", `"1_0"`, "role", `"1_0"`},
		{"Tag_Profile_IM_Role", `"1.0"`, "role", `"1.0"`},
		{"Tag_Profile_IM_Role", `" 1"`, "role", `" 1"`},
		{"Tag_Profile_IM_Role", `"١"`, "role", `"١"`},
		{"Tag_Profile_IM_Role", `""`, "role", `""`},
		{"Tag_Profile_IM_Role", `1.0`, "role", `1.0`},
		{"Tag_Profile_IM_Role", `null`, "role", `null`},
		{"Tag_Profile_IM_Role", `{"a":[1]}`, "role", `{"a":[1]}`},

		{"Tag_Profile_Custom_Data", `"x"`, "custom.Data", `"x"`},
		{"Tag_Profile_Custom_Data", `9007199254740993`, "custom.Data", `9007199254740993`},
		{"Tag_Profile_Custom_Data", `1e400`, "custom.Data", `1e400`},
		{"Tag_Profile_Custom_a,b c", `true`, "custom.a,b c", `true`},
		{"Tag_Profile_Custom_", `1`, "Tag_Profile_Custom_", `1`},
		{"Tag_Profile_IM_nick", `1`, "Tag_Profile_IM_nick", `1`},
		{"Tag_Profile_IM_New", `[1, 2]`, "Tag_Profile_IM_New", `[1, 2]`},
		{"", `1`, "", `1`},
		{"Tag_Profile_IM_Nick", "", "nick", "null"},
	} {
		f := normalizeField(tc.tag, callback.Value(tc.sent))
		if f.String() != tc.field || string(f.Value) != tc.want {
			t.Errorf("%s %s: got %s %s, want %s %s", tc.tag, tc.sent, f, f.Value, tc.field, tc.want)
		}
	}
}

func TestPlatform(t *testing.T) {
	for opt, want := range map[string]string{
		"RESTAPI": "rest_api", "Web": "web", "Android": "android", "iOS": "ios", "IOS": "ios", "Windows": "windows",
		"Mac": "macos", "macOS": "macos", "iPad": "ipad", "Unknown": "unknown", "HarmonyOS": "harmonyos", "": "",
	} {
		if got := callback.PlatformName(opt); got != want {
			t.Errorf("%q: got %q, want %q", opt, got, want)
		}
	}
}

func TestIsUint32(t *testing.T) {
	for tag, want := range map[string]bool{
		"Tag_Profile_IM_BirthDay": true, "Tag_Profile_IM_Language": true, "Tag_Profile_IM_Level": true, "Tag_Profile_IM_Role": true,
		"Tag_Profile_IM_Nick": false, "Tag_Profile_IM_Gender": false, "Tag_Profile_Custom_Level": false, "level": false, "": false,
	} {
		if got := IsUint32(tag); got != want {
			t.Errorf("%q: got %v", tag, got)
		}
	}
}
