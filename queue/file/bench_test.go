package file

import (
	"context"
	"flag"
	"fmt"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

func BenchmarkPut(b *testing.B) {
	for _, senders := range []int{1, 64, 256} {
		b.Run(fmt.Sprint(senders), func(b *testing.B) {
			s := openBenchmarked(b, Options{Path: filepath.Join(b.TempDir(), "q.db")})
			defer s.Close()
			b.ReportAllocs()
			b.ResetTimer()
			took := putEvents(b, s, senders, 0, b.N, 400)
			b.ReportMetric(float64(b.N)/took.Seconds(), "events/s")
		})
	}
}

var aheadEvents = flag.Int("ahead-events", 5_000, "how many events BenchmarkAhead puts into each file")

// BenchmarkAhead compares storing events with and without the zeros that are written
// ahead of the file's end. Each iteration measures both, with a new file for each.
// It has few events by default, so that the gate stays fast; for numbers that count, run
//
//	go test -run '^$' -bench Ahead -benchtime 30x ./queue/file -ahead-events 20000 -cold-events 500000
func BenchmarkAhead(b *testing.B) {
	const senders, size = 64, 400
	comparePairs(b, func(without bool) time.Duration {
		path := filepath.Join(b.TempDir(), "q.db")
		s := openBenchmarked(b, Options{Path: path, noAhead: without})
		defer func() {
			s.Close()
			os.Remove(path) // or the kernel writes it to the disk during the next measurement
		}()
		return putEvents(b, s, senders, 0, *aheadEvents, size)
	})
}

func openBenchmarked(b *testing.B, options Options) *Store {
	options.Limits = queue.Limits{Events: 1 << 30}
	s, err := Open(options)
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// putEvents has senders put the events with the numbers after first up to last, whose
// payloads have so many bytes. It returns how long all of them took.
func putEvents(b testing.TB, s *Store, senders, first, last, size int) time.Duration {
	payload := make([]byte, size)
	var n atomic.Int64
	n.Store(int64(first))
	var wg sync.WaitGroup
	start := time.Now()
	for range senders {
		wg.Go(func() {
			for {
				i := n.Add(1)
				if i > int64(last) {
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
	return time.Since(start)
}

// comparePairs measures pairs, one of each pair with and one without something, and
// which of them comes first alternates. It reports how many times as long it takes
// without: the median of the pairs' own ratios, and the middle half of them.
func comparePairs(b *testing.B, measure func(without bool) time.Duration) {
	var ratios, with, without []float64
	for b.Loop() {
		var took [2]time.Duration // with, without
		first := len(ratios) % 2
		for _, i := range []int{first, 1 - first} {
			runtime.GC() // the garbage of one measurement is not to be collected in the next one
			took[i] = measure(i == 1)
		}
		ratios = append(ratios, took[1].Seconds()/took[0].Seconds())
		with, without = append(with, took[0].Seconds()), append(without, took[1].Seconds())
	}
	at := func(values []float64, share float64) float64 {
		slices.Sort(values)
		return values[int(share*float64(len(values)-1)+0.5)]
	}
	b.ReportMetric(0, "ns/op") // the time of a pair says nothing
	b.ReportMetric(1000*at(with, 0.5), "ms-with")
	b.ReportMetric(1000*at(without, 0.5), "ms-without")
	b.ReportMetric(at(ratios, 0.25), "ratio-p25")
	b.ReportMetric(at(ratios, 0.5), "ratio-p50")
	b.ReportMetric(at(ratios, 0.75), "ratio-p75")
}
