package jsonread

import (
	"encoding/json"
	"reflect"
	"testing"
)

func TestInside(t *testing.T) {
	const array = ` [ 1 , "a,]\"" ,{"x":[1,{}]}, [ ],null,-1.5e3 ] `
	var got []string
	for element := range Elements(array[1:]) {
		got = append(got, element)
	}
	if want := []string{"1", `"a,]\""`, `{"x":[1,{}]}`, "[ ]", "null", "-1.5e3"}; !reflect.DeepEqual(got, want) {
		t.Errorf("got %q", got)
	}
	for array, want := range map[string]string{"": "", "{}": "", "[]": "", "[ ]": "", `["a"]`: `"a"`, "[1]": "1", `["\\",2]`: `"\\"`} {
		if got := First(array); got != want {
			t.Errorf("%s: got %s", array, got)
		}
	}
	for object, want := range map[string]string{
		"": "", "[]": "", "{}": "", `{"b":1}`: "", `{"a":1}`: "1", `{ "b" : "}" , "a" : [1,2] }`: "[1,2]", `{"a":1,"\u0061":{"a":2}}`: `{"a":2}`, `{"x":{"a":1}}`: "",
	} {
		if got := Member(object, "a"); got != want {
			t.Errorf("%s: got %s, want %s", object, got, want)
		}
	}
}

// FuzzInside compares with encoding/json.
func FuzzInside(f *testing.F) {
	for _, s := range []string{`[1,"a"]`, `{"a":[{}],"b":" "}`, `[ [ ] , { } ]`, `[true]`, `{"a":1,"a":2}`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, text string) {
		var array []json.RawMessage
		if text != "" && text[0] == '[' && json.Unmarshal([]byte(text), &array) == nil {
			i := 0
			for element := range Elements(text) {
				if i >= len(array) || element != string(array[i]) {
					t.Fatalf("element %d of %q is %q", i, text, element)
				}
				i++
			}
			if i != len(array) {
				t.Fatalf("%d elements of %q", i, text)
			}
		}
		var object map[string]json.RawMessage
		if text != "" && text[0] == '{' && json.Unmarshal([]byte(text), &object) == nil {
			for name, want := range object {
				if got := Member(text, name); got != string(want) && json.Valid([]byte(text)) && !escaped(name) {
					t.Fatalf("%q of %q is %q", name, text, got)
				}
			}
		}
	})
}

// escaped reports whether a name has characters that were not valid, and were replaced.
func escaped(name string) bool {
	for _, r := range name {
		if r == '\ufffd' {
			return true
		}
	}
	return false
}
