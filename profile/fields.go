package profile

import (
	"strconv"
	"strings"
)

const customPrefix = "Tag_Profile_Custom_"

// Group is where a changed field lies in the normalized event.
type Group uint8

const (
	// GroupProfile are Tencent's standard fields, under short names.
	GroupProfile Group = iota
	// GroupCustom are the app's own fields, under what follows Tag_Profile_Custom_.
	GroupCustom
	// GroupOther are all other tags, in full.
	GroupOther
)

// Field is one changed field of a user's profile.
type Field struct {
	Group Group
	Name  string
	Value Value // normalized
}

// String is the field's name in a list of changed ones: "nick", "custom.Data", or
// the full tag of one in [GroupOther].
func (f Field) String() string {
	if f.Group == GroupCustom {
		return "custom." + f.Name
	}
	return f.Name
}

type fieldKey struct {
	group Group
	name  string
}

func (f *Field) key() fieldKey { return fieldKey{f.Group, f.Name} }

// standard describes one of Tencent's standard fields: its short name and, for
// those that are not free strings, how its value is normalized.
type standard struct {
	name   string
	uint32 bool
	enum   map[string]Value
}

// standards has the standard fields by tag, from "User Profile" in Tencent's
// documents (https://www.tencentcloud.com/document/product/1047/33520).
var standards = map[string]*standard{
	"Tag_Profile_IM_Nick": {name: "nick"},
	"Tag_Profile_IM_Gender": {name: "gender", enum: map[string]Value{
		"Gender_Type_Unknown": `"unknown"`,
		"Gender_Type_Female":  `"female"`,
		"Gender_Type_Male":    `"male"`,
	}},
	"Tag_Profile_IM_BirthDay":      {name: "birthday", uint32: true},
	"Tag_Profile_IM_Location":      {name: "location"},
	"Tag_Profile_IM_SelfSignature": {name: "self_signature"},
	"Tag_Profile_IM_AllowType": {name: "allow_type", enum: map[string]Value{
		"AllowType_Type_NeedConfirm": `"need_confirm"`,
		"AllowType_Type_AllowAny":    `"allow_any"`,
		"AllowType_Type_DenyAny":     `"deny_any"`,
	}},
	"Tag_Profile_IM_Language": {name: "language", uint32: true},
	"Tag_Profile_IM_Image":    {name: "image"},
	"Tag_Profile_IM_AdminForbidType": {name: "admin_forbid_type", enum: map[string]Value{
		"AdminForbid_Type_None":    `"none"`,
		"AdminForbid_Type_SendOut": `"send_out"`,
	}},
	"Tag_Profile_IM_Level": {name: "level", uint32: true},
	"Tag_Profile_IM_Role":  {name: "role", uint32: true},
}

// IsUint32 reports whether Tencent documents the values of a tag as uint32.
func IsUint32(tag string) bool {
	s, ok := standards[tag]
	return ok && s.uint32
}

// normalizeField turns a tag and its value, as sent, into a Field. A value that
// cannot be converted stays as it is; one that was not sent is null.
func normalizeField(tag string, v Value) Field {
	if v == "" {
		v = "null"
	}
	if s, ok := standards[tag]; ok {
		return Field{GroupProfile, s.name, s.normalize(v)}
	}
	if name, ok := strings.CutPrefix(tag, customPrefix); ok && name != "" {
		return Field{GroupCustom, name, v}
	}
	return Field{GroupOther, tag, v}
}

func (s *standard) normalize(v Value) Value {
	if !s.uint32 && s.enum == nil {
		return v
	}
	text, ok := v.Text()
	if !ok {
		return v
	}
	if word, ok := s.enum[text]; ok {
		return word
	}
	if s.uint32 {
		// ParseUint takes digits only, but leading zeros too, which JSON numbers do not
		if n, err := strconv.ParseUint(text, 10, 32); err == nil {
			return Value(strconv.FormatUint(n, 10))
		}
	}
	return v
}

// platformName is the normalized form of the OptPlatform parameter.
func platformName(opt string) string {
	switch opt {
	case "iOS":
		return "ios"
	case "Android":
		return "android"
	}
	switch s := strings.ToLower(opt); s {
	case "restapi":
		return "rest_api"
	case "mac":
		return "macos"
	default:
		return s
	}
}
