package file

import (
	"context"
	"fmt"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

func BenchmarkPut(b *testing.B) {
	for _, senders := range []int{1, 64, 256} {
		b.Run(fmt.Sprint(senders), func(b *testing.B) {
			s, err := Open(Options{Path: filepath.Join(b.TempDir(), "q.db"), MaxEvents: 1 << 30})
			if err != nil {
				b.Fatal(err)
			}
			defer s.Close()
			payload := make([]byte, 400)
			var n atomic.Int64
			var wg sync.WaitGroup
			b.ReportAllocs()
			start := time.Now()
			b.ResetTimer()
			for range senders {
				wg.Go(func() {
					for {
						i := n.Add(1)
						if i > int64(b.N) {
							return
						}
						if _, err := s.Put(context.Background(), queue.Event{ID: fmt.Sprintf("%032x", i), Key: fmt.Sprintf("1400000000/user%d", i%10000), Payload: payload}); err != nil {
							b.Error(err)
							return
						}
					}
				})
			}
			wg.Wait()
			b.ReportMetric(float64(b.N)/time.Since(start).Seconds(), "events/s")
		})
	}
}
