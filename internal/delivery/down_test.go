package delivery

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// fallen is a bench with a backend that is down, and known to be, and n more
// keys of which none was attempted.
func fallen(t *testing.T, opts Options, n int) *bench {
	b := newBench(t, opts, outage)
	b.putKeys(10)
	b.Start()
	synctest.Wait()
	if len(b.downs) != 1 || len(b.seen()) != 10 {
		t.Fatalf("down %v after %d attempts", b.downs, len(b.seen()))
	}
	for i := range n {
		b.put(fmt.Sprintf("%c1", 'a'+i))
	}
	return b
}

func TestDownProbesOneAtATime(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fallen(t, Options{}, 20)
		b.most = 0
		b.serveWith(func(context.Context, *queue.Item) Result { time.Sleep(time.Millisecond); return outage })
		began, takes := b.now(), b.store.taken()
		for range 3600 {
			b.sleep(sec)
			b.store.Hasten() // neither due events nor signals make it faster
		}
		tries := b.seen()[10:]
		if first := tries[0].at - began; first < sec/2 || first > sec {
			t.Errorf("the first probe came after %v", first)
		}
		for i, r := range b.reports[10 : len(b.reports)-1] {
			if r.Next.Sub(b.began) < tries[i+1].at {
				t.Errorf("%s is due again before the next probe", r.Item.ID)
			}
		}
		for i := range tries[1:] {
			tries[i+1].at -= time.Duration(i+1) * time.Millisecond // what the attempts took
		}
		gaps(t, tries, doubling(len(tries))[1:]...)
		if n := b.store.taken() - takes; b.most != 1 || n != len(tries) {
			t.Errorf("%d probes at a time; asked the store %d times for %d", b.most, n, len(tries))
		}
		if len(b.downs) != 1 || len(b.ups) != 0 {
			t.Errorf("down %v, up %v", b.downs, b.ups)
		}
		b.close()
	})
}

func TestDownProbesWithOneEventAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fallen(t, Options{RetryMax: 4 * sec}, 5)
		b.sleep(time.Minute)
		probes := b.ids()[10:]
		distinct := slices.Compact(slices.Sorted(slices.Values(probes)))
		if len(distinct) < min(len(probes), 15) {
			t.Errorf("probed with %v", probes)
		}
		b.close()
	})
}

func TestDownRecovers(t *testing.T) {
	for name, r := range map[string]Result{"success": delivered, "refusal": refused} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := fallen(t, Options{Workers: 8}, 30)
				b.sleep(time.Hour)
				attempted := make(map[string]bool)
				for _, id := range b.ids() {
					attempted[id] = true
				}
				if len(attempted) == 40 {
					t.Error("all were attempted while it was down")
				}
				var first string
				b.serveWith(func(_ context.Context, item *queue.Item) Result {
					b.mu.Lock()
					defer b.mu.Unlock()
					if first == "" {
						first = item.ID
						return r
					}
					return delivered
				})
				n := len(b.seen())
				b.sleep(10 * time.Minute)
				if len(b.ups) != 1 || b.ups[0] < time.Hour {
					t.Fatalf("up after %v", b.ups)
				}
				at := b.seen()[n].at
				for _, try := range b.seen()[n+1:] {
					if (try.at == at) != (try.id != first) { // one that was refused waits for its retry
						t.Errorf("%s was attempted %v after the recovery", try.id, try.at-at)
					}
				}
				b.sleep(10 * time.Minute)
				b.holds(0, 0, 0)
				for _, r := range b.reports {
					if !attempted[r.Item.ID] && r.Item.First.Sub(b.began) < at {
						t.Errorf("the time of %s ran without an attempt", r.Item.ID)
					}
				}
				b.close()
			})
		})
	}
}

func TestDownEndsWithALateAnswer(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{RetryMin: time.Minute}, outage)
		b.serveWith(func(_ context.Context, item *queue.Item) Result {
			switch item.ID {
			case "x1":
				time.Sleep(5 * sec)
				b.answer(delivered)
				return delivered
			case "y1":
				time.Sleep(2 * sec)
			}
			return outage
		})
		b.put("x1", "y1")
		b.putKeys(10)
		b.Start()
		b.sleep(4 * sec) // y1 has failed meanwhile, which is no probe
		b.holds(11, 1, 0)
		if len(b.downs) != 1 || len(b.seen()) != 12 {
			t.Errorf("down %v, %d attempts", b.downs, len(b.seen()))
		}
		b.sleep(sec)
		b.holds(0, 0, 0)
		if len(b.ups) != 1 || b.ups[0] != 5*sec {
			t.Errorf("up after %v", b.ups)
		}
		b.close()
	})
}

func TestDownAgainWhileProbing(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Workers: 4, Timeout: time.Hour}, outage)
		slow, done := make(chan Result), make(chan Result)
		b.serveWith(func(_ context.Context, item *queue.Item) Result {
			if item.ID == "x1" {
				return <-slow
			}
			return outage
		})
		b.put("x1")
		b.putKeys(12)
		b.Start()
		synctest.Wait() // down, with x1 on its way
		b.serveWith(func(context.Context, *queue.Item) Result { return <-done })
		b.sleep(sec) // a probe is on its way
		b.answer(outage)
		slow <- delivered
		b.sleep(10 * time.Millisecond) // up, and down again
		if len(b.downs) != 2 || len(b.ups) != 1 {
			t.Fatalf("down %v, up %v", b.downs, b.ups)
		}
		done <- outage // is no probe any more
		b.sleep(10 * time.Millisecond)
		n := len(b.seen())
		b.sleep(10 * sec)
		gaps(t, b.seen()[n:], 2*sec, 4*sec)
		b.close()
	})
}

func TestDownRetryAfter(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		busy := outage
		busy.RetryAfter = time.Minute
		b := newBench(t, Options{RetryMax: 5 * time.Minute}, busy)
		b.putKeys(10)
		b.Start()
		synctest.Wait()
		b.put("x1")
		b.sleep(59 * sec)
		b.holds(11, 0, 0)
		if n := len(b.seen()); n != 10 {
			t.Errorf("%d attempts, want 10", n)
		}
		busy.RetryAfter = time.Hour // too long
		b.answer(busy)
		b.sleep(sec)
		b.answer(delivered)
		b.sleep(5*time.Minute - sec)
		if n := len(b.seen()); n != 11 {
			t.Errorf("%d attempts, want 11", n)
		}
		b.sleep(sec)
		b.holds(0, 0, 0)
		b.close()
	})
}

func TestDownStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := fallen(t, Options{}, 1)
		b.store.failing(errors.New("damaged"))
		b.sleep(time.Minute)
		b.store.failing(nil)
		b.answer(delivered)
		b.sleep(10 * sec)
		b.holds(0, 0, 0)
		b.close()
	})
}
