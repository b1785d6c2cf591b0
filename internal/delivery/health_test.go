package delivery

import (
	"context"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// TestHealth gives outcomes to a health, one per letter: a lower-case letter is a failure of that key,
// and an upper-case one is a delivery.
func TestHealth(t *testing.T) {
	for _, test := range []struct {
		ends string
		down bool
	}{
		{"abcdefghi", false},
		{"abcdefghij", true},
		{"aaaaaaaaab", true},
		{"aaaaaaaaaaaaaaa", false}, // these are all of one key
		{"aaaaaaaaaaaaaaab", true},
		{"abcdefghiAbcdefghij", false},
		{"abcdefghiAabcdefghij", true},
		{"bAaaaaaaaaaa", false}, // the failure of b was before a delivery
		{"abcdefghijA", false},
		{"abcdefghijAabcdefghi", false},
	} {
		h := health{pace: backoff{sec, time.Minute}}
		for _, c := range test.ends {
			key := string(c)
			was := h.down
			if strings.ToLower(key) != key {
				if recovered := h.delivered(); recovered != was {
					t.Errorf("%s: recovered %v, was down %v", test.ends, recovered, was)
				}
			} else if fell := h.fail(&queue.Item{Event: queue.Event{Key: key}}, 0, time.Now()); fell != (h.down && !was) {
				t.Errorf("%s: fell %v, but down was %v and is %v", test.ends, fell, was, h.down)
			}
		}
		if h.down != test.down {
			t.Errorf("%s: down %v", test.ends, h.down)
		}
	}
}

// TestDownForOneKey checks that the outages of one user do not hold up others, and that those of two
// users do.
func TestDownForOneKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, delivered)
		b.serveWith(func(_ context.Context, item *queue.Item) Result {
			if item.Key == "a" {
				return outage
			}
			return delivered
		})
		b.put("a1", "a2")
		b.Start()
		b.sleep(5 * time.Hour)
		checkGaps(t, b.seen(), doublingWaits(15)...)
		b.put("b1")
		b.mustHold(2, 0, 0)
		if len(b.downs) != 0 {
			t.Errorf("down %v", b.downs)
		}
		b.sleep(5 * time.Hour)
		b.answer(outage)
		b.put("c1")
		synctest.Wait()
		if len(b.downs) != 1 {
			t.Errorf("down %v, want once", b.downs)
		}
		b.close()
	})
}

func TestNotDownWithDeliveriesInBetween(t *testing.T) {
	for name, failure := range map[string]Result{"outages": outage, "refusals": refused} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, Options{Workers: 1}, outage)
				var results []Result
				for range 4 {
					results = append(append(results, slices.Repeat([]Result{failure}, 9)...), delivered)
				}
				b.script(append(results, delivered)...)
				b.putKeys(30)
				b.Start()
				b.sleep(time.Hour)
				b.mustHold(0, 0, 0)
				if len(b.downs) != 0 {
					t.Errorf("down %v", b.downs)
				}
				b.close()
			})
		})
	}
}
