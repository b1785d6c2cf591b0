package delivery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// TestChaos uses a backend that does anything. Every event must be delivered or buried, in the order of
// its key, also when the dispatcher is stopped and replaced by another one at any time.
func TestChaos(t *testing.T) {
	for range 20 {
		synctest.Test(t, func(t *testing.T) {
			opts := Options{Workers: 1 + rand.IntN(8), Timeout: 2 * sec, RetryMin: sec, RetryMax: 8 * sec, GiveUpAfter: time.Minute, MaxRefusals: 2}
			b := newBench(t, opts, delivered)
			b.serveWith(func(ctx context.Context, item *queue.Item) Result {
				n := rand.IntN(12)
				select {
				case <-time.After(rand.N(3 * sec)):
				case <-ctx.Done():
					return Classify(0, nil, nil, context.Cause(ctx), time.Now())
				}
				switch {
				case n == 0:
					panic("chaos")
				case n == 1:
					runtime.Goexit()
				case n == 2:
					return refused
				case n < 8 && int(b.now()/(30*sec))%2 == 0:
					return outage
				}
				return delivered
			})
			b.Start()
			for i := range 200 {
				b.put(fmt.Sprintf("%c%03d", 'a'+rune(rand.IntN(12)), i))
				b.sleep(rand.N(sec))
				if i%50 == 49 {
					ctx, cancel := context.WithTimeout(context.Background(), sec)
					b.Stop(ctx)
					cancel()
					b.close()
					b.Dispatcher = b.dispatcher(opts)
					b.Start()
				}
			}
			b.answer(delivered)
			b.sleep(time.Hour)
			b.mustHold(0, 0, len(b.dead()))
			b.close()
			if b.most > opts.Workers {
				t.Errorf("%d attempts at the same time, want %d", b.most, opts.Workers)
			}
			last := make(map[byte]string)
			ended := 0
			for _, r := range b.reports {
				id := r.Item.ID
				if id < last[id[0]] {
					t.Errorf("%s came after %s", id, last[id[0]])
				}
				last[id[0]] = id
				if r.Outcome != OutcomeRetried {
					ended++
				}
			}
			if ended != 200 {
				t.Errorf("%d events were delivered or buried, want 200", ended)
			}
		})
	}
}
