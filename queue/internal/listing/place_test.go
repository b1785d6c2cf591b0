package listing

import (
	"errors"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

func TestParse(t *testing.T) {
	for _, cursor := range []string{"w0", "w1", "d18", "e1700000000000000.12", "s5", "w9223372036854775807"} {
		if p, err := Parse(cursor); err != nil || p.String() != cursor {
			t.Errorf("%q became %v, %v", cursor, p, err)
		}
	}
	for _, cursor := range []string{"w", "x1", "1", "w-1", "w1.", "w1.0", "w01", "w+1", "w1.2.3", "w18446744073709551615", "\xff1", "w 1"} {
		if p, err := Parse(cursor); !errors.Is(err, queue.ErrCursor) {
			t.Errorf("%q became %v, %v", cursor, p, err)
		}
	}
	if p, err := Parse(""); err != nil || p != (Place{}) {
		t.Errorf("got %v, %v", p, err)
	}
}

func TestOrder(t *testing.T) {
	sorted := []Place{{}, {Section: Spooled, N: 1}, {Section: Live}, {Section: Live, N: 2}, {Section: Dead, N: 1, M: 5}, {Section: Dead, N: 1, M: 6}, {Section: Delivered, N: 1}}
	for i, p := range sorted {
		for j, q := range sorted {
			if got := p.Compare(q); (got < 0) != (i < j) || (got > 0) != (i > j) {
				t.Errorf("%v compared to %v is %d", p, q, got)
			}
		}
	}
	at := Place{Section: Dead, N: 7}
	if p, ok := at.In(Delivered); !ok || p != (Place{Section: Delivered}) {
		t.Errorf("got %v, %v", p, ok)
	}
	if p, ok := at.In(Dead); !ok || p != at {
		t.Errorf("got %v, %v", p, ok)
	}
	if _, ok := at.In(Live); ok {
		t.Error("the place is behind the section")
	}
}
