package delivery

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/queuetest"
)

func TestOptionsDefaults(t *testing.T) {
	want := Options{16, 10 * sec, sec, 10 * time.Minute, 72 * time.Hour, 5}
	for _, o := range []Options{{}, {-1, -1, -1, -1, -1, -1}} {
		if got := o.withDefaults(); got != want {
			t.Errorf("got %+v", got)
		}
	}
	if got := (Options{1, 2, 3, 4, 5, 6}).withDefaults(); got != (Options{1, 2, 3, 4, 5, 6}) {
		t.Errorf("got %+v", got)
	}
}

func TestWorkersBoundAttempts(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Workers: 4}, delivered)
		b.serveWith(func(context.Context, *queue.Item) Result { time.Sleep(sec); return delivered })
		b.putKeys(20)
		b.Start()
		b.Start() // a second call does nothing
		b.sleep(4*sec + sec/2)
		b.mustHold(0, 4, 0)
		b.sleep(sec / 2)
		b.mustHold(0, 0, 0)
		if b.most != 4 {
			t.Errorf("%d attempts at the same time, want 4", b.most)
		}
		b.close()
	})
}

func TestOrderOfAKey(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, delivered)
		failures := map[string]int{"a1": 2, "a3": 1}
		b.serveWith(func(_ context.Context, item *queue.Item) Result {
			b.mu.Lock()
			defer b.mu.Unlock()
			if failures[item.ID] > 0 {
				failures[item.ID]--
				return outage
			}
			return delivered
		})
		b.put("a1", "a2", "a3", "b1", "b2")
		b.Start()
		synctest.Wait()
		others := b.ids()
		slices.Sort(others)
		if want := []string{"a1", "b1", "b2"}; !slices.Equal(others, want) {
			t.Errorf("at once: %v, want %v", others, want)
		}
		b.sleep(10 * sec)
		own := slices.DeleteFunc(b.ids(), func(id string) bool { return id[0] != 'a' })
		if want := []string{"a1", "a1", "a1", "a2", "a3", "a3"}; !slices.Equal(own, want) {
			t.Errorf("got %v, want %v", own, want)
		}
		b.mustHold(0, 0, 0)
		b.close()
	})
}

func TestAttemptsAreNoted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{}, delivered)
		b.serveWith(func(context.Context, *queue.Item) Result {
			time.Sleep(100 * time.Millisecond)
			b.mu.Lock()
			defer b.mu.Unlock()
			result := []Result{outage, refused, delivered}[len(b.tries)-1]
			result.Answer = fmt.Sprint("answer ", len(b.tries))
			b.tries[len(b.tries)-1].result = result
			return result
		})
		b.sleep(sec)
		b.put("a1")
		b.Start()
		b.sleep(10 * sec)
		b.close()
		if len(b.reports) != 3 {
			t.Fatalf("got %+v", b.reports)
		}
		for i, r := range b.reports {
			want := []Outcome{OutcomeRetried, OutcomeRetried, OutcomeDelivered}[i]
			if r.Outcome != want || r.Took != 100*time.Millisecond || r.Item.Attempts != i+1 ||
				r.Item.LastError != r.Result.Error || r.Result != b.tries[i].result {
				t.Errorf("report %d: %+v of %+v", i+1, r, r.Item)
			}
			if r.Item.First.Sub(b.began) != sec || r.Item.Last.Sub(b.began) != b.tries[i].at {
				t.Errorf("report %d: first %v, last %v, want %v, %v", i+1, r.Item.First, r.Item.Last, sec, b.tries[i].at)
			}
			if h := r.Item.History; len(h) != i+1 || h[i] != (queue.Attempt{At: r.Item.Last, Took: r.Took, Error: r.Result.Error, Answer: r.Result.Answer}) {
				t.Errorf("report %d: %+v", i+1, h)
			}
			if i < 2 && r.Next.Sub(b.began) != b.tries[i+1].at {
				t.Errorf("report %d: next at %v, but it was at %v", i+1, r.Next, b.tries[i+1].at)
			}
		}
	})
}

func TestPanic(t *testing.T) {
	for name, test := range map[string]struct {
		attempt func()
		want    string
	}{
		"panic":  {func() { panic("no\nroute") }, "panic: no route"},
		"error":  {func() { panic(errors.New("boom")) }, "panic: boom"},
		"goexit": {runtime.Goexit, "the attempt ended without a result"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				b := newBench(t, Options{Workers: 1}, delivered)
				b.serveWith(func(context.Context, *queue.Item) Result {
					b.answer(delivered)
					test.attempt()
					return delivered
				})
				b.put("a1")
				b.Start()
				b.sleep(sec)
				b.mustHold(0, 0, 0)
				b.close()
				if len(b.reports) != 2 || b.reports[0].Result != (Result{Error: test.want}) || b.reports[0].Outcome != OutcomeRetried {
					t.Errorf("got %+v", b.reports)
				}
			})
		})
	}
}

func TestTimeout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		b := newBench(t, Options{Timeout: 3 * sec, RetryMin: sec}, delivered)
		b.serveWith(func(ctx context.Context, _ *queue.Item) Result {
			<-ctx.Done()
			if !errors.Is(context.Cause(ctx), context.DeadlineExceeded) {
				t.Errorf("got %v", context.Cause(ctx))
			}
			b.answer(delivered)
			return Classify(0, nil, nil, context.Cause(ctx), time.Now())
		})
		b.put("a1")
		b.Start()
		b.sleep(4 * sec)
		b.mustHold(0, 0, 0)
		b.close()
		if r := b.reports[0]; r.Took != 3*sec || r.Result.Error != "no complete response within 3s" || r.Result.Verdict != Outage {
			t.Errorf("got %+v", r)
		}
	})
}

func TestWithoutObserver(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		store := queuetest.NewMemory(queue.Limits{})
		d := New(store, func(context.Context, *queue.Item) Result { return outage }, Options{}, Observer{})
		for i := range 20 {
			store.Put(context.Background(), queue.Event{ID: strings.Repeat("x", i+1), Key: strings.Repeat("k", i)})
		}
		d.Start()
		time.Sleep(time.Hour)
		d.Stop(context.Background())
		if c := store.Counts(); c.Waiting != 20 {
			t.Errorf("got %+v", c)
		}
	})
}

// BenchmarkDispatcher delivers events of 64 users to a backend that answers at once.
func BenchmarkDispatcher(b *testing.B) {
	store := queuetest.NewMemory(queue.Limits{})
	left := make(chan struct{}, b.N)
	d := New(store, func(context.Context, *queue.Item) Result { return delivered }, Options{}, Observer{
		Attempted: func(Report) { left <- struct{}{} },
	})
	for i := range b.N {
		id := fmt.Sprint(i)
		if _, err := store.Put(b.Context(), queue.Event{ID: id, Key: fmt.Sprint(i % 64)}); err != nil {
			b.Fatal(err)
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	d.Start()
	for range b.N {
		<-left
	}
	d.Stop(b.Context())
}
