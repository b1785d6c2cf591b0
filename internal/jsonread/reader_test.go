package jsonread

import (
	"testing"
)

func TestDepth(t *testing.T) {
	for v, want := range map[string]int{
		"": 0, "1": 0, `"[["`: 0, "[]": 1, `[{"a":[1]},2]`: 3, `["[\\"[",["]"]]`: 2, `{"{":"\\\\"}`: 1,
	} {
		if got := depth(v); got != want {
			t.Errorf("%s: %d levels, want %d", v, got, want)
		}
	}
}

func TestReader(t *testing.T) {
	r := New([]byte(` {"a": 1.50, "b\u0063":{"x":[1,{}]},"a":"2"} `), 3)
	defer r.Release()
	got := map[string]string{}
	start, err := r.Object(func(name string) error {
		v, err := r.Value()
		got[name] += v
		return err
	})
	if err == nil {
		err = r.End()
	}
	if err != nil || start != 1 || got["a"] != `1.50"2"` || got["bc"] != `{"x":[1,{}]}` || len(got) != 2 {
		t.Errorf("got %q from %d on, %v", got, start, err)
	}
}

func TestReaderRefuses(t *testing.T) {
	for text, want := range map[string]string{
		`[]`: "not a JSON object", `{"a":[[[[1]]]]}`: "nested too deeply", `{} 1`: "something follows the JSON object",
		`{"a":1`: "not valid JSON at byte 6", `{"a":}`: "not valid JSON at byte 5", `{"a":1}{}`: "something follows the JSON object", ``: "the JSON ends early",
	} {
		r := New([]byte(text), 3)
		_, err := r.Object(func(string) error { _, err := r.Value(); return err })
		if err == nil {
			err = r.End()
		}
		r.Release()
		if err == nil {
			t.Errorf("%s: no error", text)
			continue
		}
		detail, ok := Explain(err)
		if !ok {
			detail = err.Error()
		}
		if detail != want {
			t.Errorf("%s: %s, want %s", text, detail, want)
		}
	}
}
