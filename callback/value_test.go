package callback

import (
	"encoding/json"
	"testing"
)

func TestValueText(t *testing.T) {
	for v, want := range map[Value]string{
		`"a"`: "a", `""`: "", `"\u0061\n\"\\\/"`: "a\n\"\\/", `"\ud83d\ude00"`: "😀",
		`"\ud800"`: "\ufffd", `"\udc00\ud800x"`: "\ufffd\ufffdx", `"\u0000"`: "\x00",
	} {
		if got, ok := v.Text(); got != want || !ok {
			t.Errorf("%s: got %q, %v", v, got, ok)
		}
	}
	for _, v := range []Value{"", "1", "null", "true", "{}", `["a"]`} {
		if got, ok := v.Text(); got != "" || ok {
			t.Errorf("%s: got %q, %v", v, got, ok)
		}
	}
}

func TestValueMarshalJSON(t *testing.T) {
	got, err := json.Marshal([]Value{"", "9007199254740993", `{"a":1e400}`})
	if want := `[null,9007199254740993,{"a":1e400}]`; err != nil || string(got) != want {
		t.Errorf("got %s, %v", got, err)
	}
}
