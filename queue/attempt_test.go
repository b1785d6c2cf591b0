package queue

import (
	"fmt"
	"testing"
)

// TestNote keeps the last attempts, and does not change the history of a copy.
func TestNote(t *testing.T) {
	var item Item
	for n := range 2 * MaxHistory {
		before := item
		item.Note(Attempt{Answer: fmt.Sprint(n)})
		first, second := item, item
		first.Note(Attempt{Answer: "first"})
		second.Note(Attempt{Answer: "second"})
		if got := first.History[len(first.History)-1].Answer; got != "first" {
			t.Errorf("after %d attempts a copy has %q", n, got)
		}
		if len(before.History) != min(n, MaxHistory) || len(item.History) != min(n+1, MaxHistory) {
			t.Errorf("%d attempts became %d", len(before.History), len(item.History))
		}
		for i, a := range item.History {
			if want := n - len(item.History) + 1 + i; a.Answer != fmt.Sprint(want) {
				t.Errorf("attempt %d of %d is %q, want %d", i, n, a.Answer, want)
			}
		}
	}
}
