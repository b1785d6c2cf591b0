package profile

import (
	"strconv"
	"strings"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

const customPrefix = "Tag_Profile_Custom_"

// Group says which object of the normalized event contains a changed field.
type Group uint8

const (
	// GroupProfile is for Tencent's standard fields. They have short names, like "nick".
	GroupProfile Group = iota
	// GroupCustom is for the app's own fields. Their name is the rest of the tag after
	// Tag_Profile_Custom_.
	GroupCustom
	// GroupOther is for fields with any other tag. Their name is the whole tag.
	GroupOther
)

// Field is one changed field of a user's profile.
type Field struct {
	Group Group
	Name  string         // depends on Group
	Value callback.Value // the new value, normalized if Tencent documents its values; null if none was sent
}

// String returns the field's name as it appears in a list of changed fields: "nick",
// "custom.Data", or the whole tag of a field in [GroupOther].
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

// standard describes one of Tencent's standard fields: its short name and how its value
// is normalized. The value of a field with neither uint32 nor enum may be any string.
type standard struct {
	name   string
	uint32 bool                      // the value is a uint32
	enum   map[string]callback.Value // the normalized form of each possible value
}

// standards maps the tags of the standard fields to their descriptions, from "User
// Profile" in Tencent's documents (https://www.tencentcloud.com/document/product/1047/33520).
var standards = map[string]*standard{
	"Tag_Profile_IM_Nick": {name: "nick"},
	"Tag_Profile_IM_Gender": {name: "gender", enum: map[string]callback.Value{
		"Gender_Type_Unknown": `"unknown"`,
		"Gender_Type_Female":  `"female"`,
		"Gender_Type_Male":    `"male"`,
	}},
	"Tag_Profile_IM_BirthDay":      {name: "birthday", uint32: true},
	"Tag_Profile_IM_Location":      {name: "location"},
	"Tag_Profile_IM_SelfSignature": {name: "self_signature"},
	"Tag_Profile_IM_AllowType": {name: "allow_type", enum: map[string]callback.Value{
		"AllowType_Type_NeedConfirm": `"need_confirm"`,
		"AllowType_Type_AllowAny":    `"allow_any"`,
		"AllowType_Type_DenyAny":     `"deny_any"`,
	}},
	"Tag_Profile_IM_Language": {name: "language", uint32: true},
	"Tag_Profile_IM_Image":    {name: "image"},
	"Tag_Profile_IM_AdminForbidType": {name: "admin_forbid_type", enum: map[string]callback.Value{
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

// normalizeField turns a tag and its value, as they were sent, into a Field. A value that
// cannot be converted is kept unchanged. A value that was not sent becomes null.
func normalizeField(tag string, v callback.Value) Field {
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

func (s *standard) normalize(v callback.Value) callback.Value {
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
		// ParseUint accepts digits only, but also leading zeros, which JSON does not allow
		if n, err := strconv.ParseUint(text, 10, 32); err == nil {
			return callback.Value(strconv.FormatUint(n, 10))
		}
	}
	return v
}
