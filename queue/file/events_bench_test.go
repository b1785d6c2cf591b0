package file

import (
	"context"
	"flag"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

var listedEvents = flag.Int("listed-events", 20_000, "how many events wait in BenchmarkEvents")

// BenchmarkEvents lists a long queue: its first page, and all of it page by page in search of an event that
// is not there, with events stored meanwhile. For numbers that count, run
//
//	go test -run '^$' -bench Events -benchtime 5x ./queue/file -listed-events 1000000
func BenchmarkEvents(b *testing.B) {
	s := openBenchmarked(b, Options{Path: filepath.Join(b.TempDir(), "q.db")})
	defer s.Close()
	putEvents(b, s, 256, 0, *listedEvents, 400)
	last := *listedEvents
	put := func() {
		last += 500
		putEvents(b, s, 1, last-500, last, 400)
	}
	began := time.Now()
	put()
	alone := time.Since(began)
	var first, whole, putting time.Duration
	for b.Loop() {
		began := time.Now()
		page, err := s.Events(context.Background(), queue.Query{})
		if err != nil || len(page.Entries) != queue.DefaultPage {
			b.Fatal(len(page.Entries), err)
		}
		first += time.Since(began)

		done := make(chan struct{})
		go func() {
			defer close(done)
			began := time.Now()
			put()
			putting += time.Since(began)
		}()
		began = time.Now()
		for q := (queue.Query{Match: func(item *queue.Item) bool { return strings.Contains(string(item.Payload), "nobody") }}); ; {
			page, err := s.Events(context.Background(), q)
			if err != nil || len(page.Entries) > 0 {
				b.Fatal(page, err)
			}
			if q.After = page.Next; q.After == "" {
				break
			}
		}
		whole += time.Since(began)
		<-done
	}
	perLoop := func(d time.Duration) float64 { return d.Seconds() * 1000 / float64(b.N) }
	b.ReportMetric(0, "ns/op")
	b.ReportMetric(perLoop(first), "ms/first-page")
	b.ReportMetric(perLoop(whole), "ms/search")
	b.ReportMetric(perLoop(putting), "ms/500-puts")
	b.ReportMetric(alone.Seconds()*1000, "ms/500-puts-alone")
}
