package redact

import "testing"

func TestUse(t *testing.T) {
	masked := func() string {
		t.Helper()
		text, err := Current().JSON([]byte(`{"a":1,"b":2}`))
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	if got := masked(); got != `{"a":1,"b":2}` || !Current().Empty() {
		t.Errorf("without patterns: %s", got)
	}
	before, err := Use("a")
	if err != nil {
		t.Fatal(err)
	}
	if got := masked(); got != `{"a":"***","b":2}` {
		t.Error(got)
	}
	after, err := Use("b")
	if err != nil {
		t.Fatal(err)
	}
	if got := masked(); got != `{"a":"***","b":"***"}` {
		t.Errorf("during a reload: %s", got)
	}
	before()
	before()
	if got := masked(); got != `{"a":1,"b":"***"}` {
		t.Errorf("after a reload: %s", got)
	}
	if _, err := Use("b", "a..b"); err == nil {
		t.Error("a pattern that is not one is accepted")
	}
	after()
	if !Current().Empty() {
		t.Error("something is masked after the end")
	}
}
