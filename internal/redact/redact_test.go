package redact

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
)

func TestMask(t *testing.T) {
	for _, tc := range []struct{ patterns, text, want string }{
		{"", `{"a":1}`, `{"a":1}`},
		{"a", `{"a":1}`, `{"a":"***"}`},
		{"a", `{"b":{"a":1},"a":{"b":[1,2]}}`, `{"b":{"a":1},"a":"***"}`},
		{"profile.nick", `{ "profile" : { "nick" : "x" , "gender":"male"} }`, `{ "profile" : { "nick" : "***" , "gender":"male"} }`},
		{"custom.*", `{"custom":{"A":"x","B":[1]},"other":{"A":1}}`, `{"custom":{"A":"***","B":"***"},"other":{"A":1}}`},
		{"custom.*", `{"custom":[],"x":{}}`, `{"custom":[],"x":{}}`},
		{"custom.*", `{"custom":"x"}`, `{"custom":"x"}`},
		{"data.MsgBody", `{"data":{"MsgBody":[{"MsgContent":{"Text":"x"}}],"MsgSeq":123456789012345678901234567890}}`,
			`{"data":{"MsgBody":"***","MsgSeq":123456789012345678901234567890}}`},
		{"data.MsgBody.MsgContent", `{"data":{"MsgBody":[{"MsgContent":{"Text":"x"},"MsgType":1.00},[{"MsgContent":2}]]}}`,
			`{"data":{"MsgBody":[{"MsgContent":"***","MsgType":1.00},[{"MsgContent":"***"}]]}}`},
		{"*.b", `{"a":{"b":1,"c":2},"d":{"b":3}}`, `{"a":{"b":"***","c":2},"d":{"b":"***"}}`},
		{"a a.b", `{"a":{"b":1}}`, `{"a":"***"}`},
		{"a.b a.c", `{"a":{"b":1,"c":2,"d":3}}`, `{"a":{"b":"***","c":"***","d":3}}`},
		{"a", `{"a":1,"a":2}`, `{"a":"***","a":"***"}`},
		{"a", `{"\u0061":1}`, `{"\u0061":"***"}`},
		{"A", `{"a":1}`, `{"a":1}`},
		{"a", `[{"a":1},2]`, `[{"a":"***"},2]`},
		{"a", " {\"a\":\n1}\n", " {\"a\":\n\"***\"}\n"},
		{"a", `"a"`, `"a"`},
		{"a", "{\"a\":\"\xff\",\"b\":\"\xff\"}", "{\"a\":\"***\",\"b\":\"\xff\"}"},
		{"a", `{"a":"\ud800"}`, `{"a":"***"}`},
		{"资料.昵称", `{"资料":{"昵称":"小明"}}`, `{"资料":{"昵称":"***"}}`},
	} {
		m, err := New(strings.Fields(tc.patterns)...)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := m.JSON([]byte(tc.text)); err != nil || string(got) != tc.want {
			t.Errorf("%s in %s: %s, %v; want %s", tc.patterns, tc.text, got, err, tc.want)
		}
	}
}

func TestMaskRefuses(t *testing.T) {
	m, err := New("a.b")
	if err != nil {
		t.Fatal(err)
	}
	for _, text := range []string{"", "{", `{"a":`, `{"a":{"b":"secret}`, `{} {}`, `{"a":{"b":1}} x`, "secret", strings.Repeat("[", 20_000)} {
		if got, err := m.JSON([]byte(text)); err == nil || got != nil {
			t.Errorf("%.30s: %s, %v", text, got, err)
		}
	}
	for _, pattern := range []string{"", ".", "a.", ".a", "a..b", "a*", "a.**"} {
		if _, err := New("ok", pattern); err == nil {
			t.Errorf("the pattern %q is accepted", pattern)
		}
	}
}

func TestMaskNothing(t *testing.T) {
	for _, m := range []*Masker{nil, {}} {
		if got, err := m.JSON([]byte(`{"a": 1}`)); err != nil || string(got) != `{"a": 1}` || !m.Empty() {
			t.Errorf("%s, %v", got, err)
		}
	}
}

// FuzzMask masks a member at a place that the fuzzer does not know: what is left is valid JSON of the
// same shape, without the value, and is not changed by another pass.
func FuzzMask(f *testing.F) {
	for _, seed := range []string{`{"a":1}`, `[{"custom":{"x":"secret"}}]`, `{"a":{"b":[1,{"c":null}]}}`, `1`, `"x"`, `{"a":1,"a":2}`, "{\"a\":\"\xff\"}"} {
		f.Add(seed, "a.b")
	}
	f.Fuzz(func(t *testing.T, text, pattern string) {
		m, err := New(pattern)
		if err != nil {
			return
		}
		masked, err := m.JSON([]byte(text))
		if err != nil {
			return
		}
		if !json.Valid(masked) {
			t.Fatalf("%q became %q", text, masked)
		}
		again, err := m.JSON(masked)
		if err != nil || !bytes.Equal(again, masked) {
			t.Errorf("%q became %q, then %q, %v", text, masked, again, err)
		}
		same, err := (*Masker)(nil).JSON([]byte(text))
		if err != nil || string(same) != text {
			t.Errorf("%q became %q without a pattern, %v", text, same, err)
		}

		// the value of a member that is masked is not shown, wherever the text has it
		const secret = "73686f776e"
		whole, err := New("hidden")
		if err != nil {
			t.Fatal(err)
		}
		got, err := whole.JSON([]byte(`{"shown":` + text + `,"hidden":"` + secret + `"}`))
		if err == nil && !strings.Contains(text, secret) && bytes.Contains(got, []byte(secret)) {
			t.Errorf("%q shows the secret: %q", text, got)
		}
	})
}
