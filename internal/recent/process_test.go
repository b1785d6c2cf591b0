package recent

import "testing"

func TestUse(t *testing.T) {
	size := func(want int) {
		t.Helper()
		if got := len(Process.slots); got != want {
			t.Errorf("%d callbacks are remembered, want %d", got, want)
		}
	}
	size(0)
	endFirst := UseFirst(10)
	size(10)
	if UseFirst(5) != nil {
		t.Error("a configuration that may never start changes something")
	}
	endSecond := Use(20) // a reload
	size(20)
	endFirst()
	size(20)
	endThird := Use(30) // a reload that fails
	endThird()
	endThird()
	size(20)
	endSecond()
	size(20) // what is remembered stays
	Process.Resize(0)
}
