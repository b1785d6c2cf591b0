package delivery

import (
	"context"
	"errors"
	"testing"
	"testing/synctest"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// grace returns a context for Stop that is done after d.
func grace(d time.Duration) context.Context {
	ctx, cancel := context.WithTimeout(context.Background(), d)
	context.AfterFunc(ctx, cancel)
	return ctx
}

func TestStopWithNothingToDo(t *testing.T) {
	for name, f := range map[string]func(b *bench){
		"not started": func(*bench) {},
		"idle":        func(b *bench) { b.Start() },
		"waiting":     func(b *bench) { b.put("a1"); b.Start(); b.sleep(10 * sec) },
		"store fails": func(b *bench) { b.store.failTakes(errors.New("damaged")); b.Start(); b.sleep(time.Minute) },
		"down":        func(b *bench) { b.putKeys(12); b.Start(); b.sleep(time.Minute) },
		"closed":      func(b *bench) { b.store.Close(); b.Start(); b.sleep(sec) },
		"just put":    func(b *bench) { b.Start(); b.sleep(sec); b.put("a1") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, Options{}, outage)
				f(b)
				at := b.now()
				b.close()
				b.close() // a second time
				if b.now() != at {
					t.Errorf("it took %v", b.now()-at)
				}
				n := b.store.takeCalls()
				b.Start() // this must do nothing
				b.store.failTakes(nil)
				b.store.Put(context.Background(), queue.Event{ID: "z1", Key: "z"})
				b.sleep(time.Hour)
				if b.store.takeCalls() != n {
					t.Error("it still takes events")
				}
				if b.ctx.Err() == nil {
					t.Error("its context is not cancelled")
				}
			})
		})
	}
}

func TestStopWaitsForAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Workers: 2}, delivered)
		b.serveWith(func(ctx context.Context, item *queue.Item) Result {
			time.Sleep(5 * sec)
			if ctx.Err() != nil {
				t.Error("cancelled although there was time")
			}
			if item.ID == "b1" {
				return outage
			}
			return delivered
		})
		b.put("a1", "b1", "c1", "a2")
		b.Start()
		b.sleep(sec)
		b.Stop(grace(time.Minute))
		if b.now() != 5*sec {
			t.Errorf("it took until %v, want 5s", b.now())
		}
		b.mustHold(3, 0, 0)
		if len(b.reports) != 2 || len(b.seen()) != 2 {
			t.Errorf("got %+v", b.reports)
		}
		b.close()
	})
}

func TestStopTakesNoMore(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Workers: 1}, delivered)
		b.observer.Attempted = func(Report) { // just before the dispatcher goes on
			go b.Stop(context.Background())
			<-b.stop
		}
		b.put("a1", "a2", "b1")
		b.Start()
		b.sleep(sec)
		b.mustHold(2, 0, 0)
		b.close()
	})
}

func TestStopCancelsAttempts(t *testing.T) {
	for name, down := range map[string]bool{"up": false, "probing": true} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, Options{Timeout: time.Minute}, outage)
				if down {
					b = downBench(t, Options{Timeout: time.Minute}, 0)
				}
				b.serveWith(func(ctx context.Context, item *queue.Item) Result {
					<-ctx.Done()
					time.Sleep(sec) // as an attempt that needs time to end
					switch item.ID {
					case "y1":
						return delivered // it had just succeeded
					case "z1":
						panic(ctx.Err())
					case "w1":
						return refused
					}
					return Classify(0, nil, nil, ctx.Err(), time.Now())
				})
				b.put("x1", "y1", "z1", "w1")
				if !down {
					b.Start()
				}
				b.sleep(2 * sec)
				at, held, reports := b.now(), b.store.Counts(), len(b.reports)
				if down && held.InFlight != 1 || !down && held.InFlight != 4 {
					t.Errorf("%+v", held)
				}
				b.Stop(grace(3 * sec))
				if took := b.now() - at; took != 4*sec {
					t.Errorf("it took %v, want 4s", took)
				}
				for _, r := range b.reports[reports:] {
					if r.Item.ID != "y1" || r.Outcome != OutcomeDelivered {
						t.Errorf("got %+v", r)
					}
				}
				b.close()
				// interrupted events are due at once, and unchanged
				for {
					item, _, err := b.store.Memory.Take(time.Now())
					if err != nil {
						t.Fatal(err)
					}
					if item == nil {
						break
					}
					if item.Key >= "w" && (item.Attempts != 0 || !item.First.IsZero() || item.LastError != "") {
						t.Errorf("got %+v", item)
					}
				}
				if c := b.store.Counts(); !down && c.InFlight != 3 || c.Dead != 0 {
					t.Errorf("%+v", c)
				}
			})
		})
	}
}

func TestStopWithoutGrace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, outage)
		b.serveWith(func(ctx context.Context, _ *queue.Item) Result { <-ctx.Done(); return outage })
		b.putKeys(16)
		b.Start()
		b.sleep(sec)
		ctx, cancel := context.WithCancel(context.Background())
		cancel()
		go b.Stop(context.Background()) // this one is cut short too
		b.Stop(ctx)
		if b.now() != sec {
			t.Errorf("it took until %v", b.now())
		}
		b.mustHold(16, 0, 0)
		b.close()
	})
}

func TestStopAndGoOn(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := downBench(t, Options{}, 3)
		synctest.Wait() // until the first event has been tried
		b.close()
		b.answer(delivered)
		b.Dispatcher = b.dispatcher(Options{})
		b.Start()
		b.sleep(sec)
		b.mustHold(0, 0, 0)
		for _, r := range b.reports[11:] {
			if tried := r.Item.Key <= "a"; tried && r.Item.Attempts != 2 || !tried && r.Item.Attempts != 1 {
				t.Errorf("got %+v", r.Item)
			}
		}
		b.close()
	})
}

// TestRefusalsOutliveTheDispatcher checks that refusals are counted across restarts. Otherwise a server
// that restarts often would never give up a refused event.
func TestRefusalsOutliveTheDispatcher(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, refused)
		b.put("a1")
		b.Start()
		b.sleep(2 * sec)
		b.close()
		before := len(b.seen())
		b.Dispatcher = b.dispatcher(Options{})
		b.Start()
		b.sleep(time.Hour)
		b.mustHold(0, 0, 1)
		if n := len(b.seen()); before == 0 || n != 5 {
			t.Errorf("%d attempts, %d of them before", n, before)
		}
		b.close()
	})
}

// TestRetireHandsOver checks that a new dispatcher can take over while an attempt of the old one goes
// on.
func TestRetireHandsOver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, delivered)
		b.serveWith(func(context.Context, *queue.Item) Result {
			time.Sleep(5 * sec)
			return delivered
		})
		b.put("a1", "a2")
		old := b.Dispatcher
		old.Start()
		synctest.Wait()
		old.Retire()
		old.Retire() // a second call does nothing
		b.Dispatcher = b.dispatcher(Options{})
		b.Start()
		b.put("b1")
		synctest.Wait()
		b.mustHold(1, 2, 0) // a1 is with the old one, b1 with the new one, and a2 waits for a1
		b.sleep(6 * sec)
		b.mustHold(0, 1, 0) // the new one has taken a2
		old.Stop(t.Context())
		b.sleep(6 * sec)
		b.mustHold(0, 0, 0)
		b.close()
	})
}
