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

// downBench returns a bench whose dispatcher has found out that the backend is down. It has n more
// keys, none of whose events was attempted.
func downBench(t *testing.T, opts Options, n int) *bench {
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
		b := downBench(t, Options{}, 20)
		b.most = 0
		b.serveWith(func(context.Context, *queue.Item) Result { time.Sleep(time.Millisecond); return outage })
		began, takes := b.now(), b.store.takeCalls()
		for range 3600 {
			b.sleep(sec)
			b.store.Hasten() // neither due events nor signals lead to more probes
		}
		tries := b.seen()[10:]
		if first := tries[0].at - began; first > 0 {
			t.Errorf("the first probe, with an event of a key that had no failures, came after %v", first)
		}
		for i := range tries {
			tries[i].at -= time.Duration(i) * time.Millisecond // subtract the time that the attempts took
		}
		checkGaps(t, tries, doublingWaits(len(tries)-1)...)
		// between two probes, after each signal, it may look for an event of another key
		if n := b.store.takeCalls() - takes; b.most != 1 || n > 3600+2*len(tries) {
			t.Errorf("%d probes at the same time; asked the store %d times for %d", b.most, n, len(tries))
		}
		if len(b.downs) != 1 || len(b.ups) != 0 {
			t.Errorf("down %v, up %v", b.downs, b.ups)
		}
		b.close()
	})
}

// The event of a failed probe is not due before the next probe, so that the next probe is another
// event, if there is one.
func TestDownRetriesWaitForTheNextProbe(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := downBench(t, Options{}, 20)
		b.sleep(time.Hour)
		tries := b.seen()[10:]
		for i, r := range b.reports[10 : len(b.reports)-1] {
			if r.Next.Sub(b.began) < tries[i+1].at {
				t.Errorf("%s is due again before the next probe", r.Item.ID)
			}
		}
		b.close()
	})
}

func TestDownProbesWithOneEventAfterTheOther(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := downBench(t, Options{RetryMax: 4 * sec}, 5)
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
	synctest.Test(t, func(t *testing.T) {
		b := downBench(t, Options{Workers: 8}, 30)
		b.sleep(time.Hour)
		attempted := make(map[string]bool)
		for _, id := range b.ids() {
			attempted[id] = true
		}
		if len(attempted) == 40 {
			t.Error("all events were attempted while the backend was down")
		}
		b.answer(delivered)
		n := len(b.seen())
		b.sleep(10 * time.Minute)
		if len(b.ups) != 1 || b.ups[0] < time.Hour {
			t.Fatalf("up after %v", b.ups)
		}
		at := b.seen()[n].at
		for _, try := range b.seen()[n+1:] {
			if try.at != at {
				t.Errorf("%s was attempted %v after the recovery", try.id, try.at-at)
			}
		}
		b.mustHold(0, 0, 0)
		for _, r := range b.reports {
			if !attempted[r.Item.ID] && r.Item.First.Sub(b.began) < at {
				t.Errorf("the time of %s began without an attempt", r.Item.ID)
			}
		}
		b.close()
	})
}

// A backend that refuses the events of everybody has been deployed wrong. No event becomes a dead
// letter because of that before GiveUpAfter.
func TestDownByRefusals(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{GiveUpAfter: 30 * time.Hour}, refused)
		b.putKeys(50)
		b.put("!1", "!2")
		b.Start()
		b.sleep(24 * time.Hour)
		b.mustHold(52, 0, 0)
		if len(b.downs) != 1 || len(b.ups) != 0 {
			t.Errorf("down %v, up %v", b.downs, b.ups)
		}
		if n := len(b.seen()); n > 16+24*60 {
			t.Errorf("%d attempts", n)
		}
		// when the backend takes other events, an event that it still refuses becomes a dead letter
		b.serveWith(func(_ context.Context, item *queue.Item) Result {
			if item.ID == "!1" {
				return refused
			}
			return delivered
		})
		b.sleep(time.Hour)
		b.mustHold(0, 0, 1)
		if dead := b.dead()[0]; dead.ID != "!1" || dead.Refusals != 5 {
			t.Errorf("dead %+v", dead)
		}
		b.close()
	})
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{GiveUpAfter: 30 * time.Hour}, refused)
		b.putKeys(12)
		b.Start()
		b.sleep(24 * time.Hour)
		b.mustHold(12, 0, 0)
		b.sleep(24 * time.Hour)
		if n := len(b.dead()); n < 10 {
			t.Errorf("%d events were given up after 30 hours", n)
		}
		b.close()
	})
}

// Two users whose events always fail do not hold up others, however long they have failed. The event of
// the next user is attempted at once.
func TestPoisonUsers(t *testing.T) {
	for name, failure := range map[string]Result{"outage": outage, "refusal": refused} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, Options{}, delivered)
				poison := func(item *queue.Item) bool { return item.Key == "x" || item.Key == "y" }
				b.serveWith(func(_ context.Context, item *queue.Item) Result {
					if poison(item) {
						return failure
					}
					return delivered
				})
				b.put("x1", "x2", "x3", "y1", "y2", "y3")
				b.Start()
				for i := range 20 {
					b.sleep(time.Duration(i*i) * time.Minute)
					before := b.now()
					b.put(fmt.Sprintf("%c1", 'a'+i))
					synctest.Wait()
					last := b.seen()[len(b.seen())-1]
					healthy := slices.ContainsFunc(b.seen(), func(try try) bool { return try.id == fmt.Sprintf("%c1", 'a'+i) && try.at == before })
					if !healthy {
						t.Errorf("after %v: the last attempt was of %s at %v", before, last.id, last.at)
					}
				}
				b.close()
			})
		})
	}
}

// Events of keys that had no failures are attempted a little sooner, but if they all fail too, the
// dispatcher waits between probes as usual.
func TestDownManyFreshKeys(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := downBench(t, Options{}, 0)
		for i := range 7200 {
			b.put(fmt.Sprintf("%c%d", rune(0x4e00+i), i))
			b.sleep(sec)
		}
		tries := b.seen()[10:]
		if n := len(tries); n < 15 || n > 2*(10+12+2) {
			t.Errorf("%d probes in two hours", n)
		}
		b.close()
	})
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
		b.sleep(4 * sec) // y1 has failed meanwhile, but it was not a probe
		b.mustHold(11, 1, 0)
		if len(b.downs) != 1 || len(b.seen()) != 12 {
			t.Errorf("down %v, %d attempts", b.downs, len(b.seen()))
		}
		b.sleep(sec)
		b.mustHold(0, 0, 0)
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
		synctest.Wait() // the backend is down, and the attempt for x1 is under way
		b.serveWith(func(context.Context, *queue.Item) Result { return <-done })
		b.sleep(sec) // the attempt of a probe is under way
		b.answer(outage)
		slow <- delivered
		b.sleep(10 * time.Millisecond) // the backend is up, and down again
		if len(b.downs) != 2 || len(b.ups) != 1 {
			t.Fatalf("down %v, up %v", b.downs, b.ups)
		}
		done <- outage // this attempt is not a probe any more
		b.sleep(10 * time.Millisecond)
		n := len(b.seen())
		b.sleep(10 * sec)
		checkGaps(t, b.seen()[n:], 2*sec, 4*sec)
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
		b.mustHold(11, 0, 0)
		if n := len(b.seen()); n != 10 {
			t.Errorf("%d attempts, want 10", n)
		}
		busy.RetryAfter = time.Hour // longer than RetryMax
		b.answer(busy)
		b.sleep(sec)
		b.answer(delivered)
		b.sleep(5*time.Minute - sec)
		if n := len(b.seen()); n != 11 {
			t.Errorf("%d attempts, want 11", n)
		}
		b.sleep(sec)
		b.mustHold(0, 0, 0)
		b.close()
	})
}

func TestDownStoreFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := downBench(t, Options{}, 1)
		b.store.failTakes(errors.New("damaged"))
		b.sleep(time.Minute)
		b.store.failTakes(nil)
		b.answer(delivered)
		b.sleep(10 * sec)
		b.mustHold(0, 0, 0)
		b.close()
	})
}
