package file

import (
	"path/filepath"
	"testing"
	"time"
)

// BenchmarkDeliver stores events and delivers them, as fast as the store can.
func BenchmarkDeliver(b *testing.B) {
	s := openBenchmarked(b, Options{Path: filepath.Join(b.TempDir(), "q.db")})
	defer s.Close()
	b.ReportAllocs()
	b.ResetTimer()
	putEvents(b, s, 256, 0, b.N, 400)
	deliverAll(b, s)
}

// deliverAll delivers all events that wait.
func deliverAll(b testing.TB, s *Store) {
	for {
		item, _, err := s.Take(time.Now())
		switch {
		case err != nil:
			b.Fatal(err)
		case item != nil:
			s.Delivered(item)
			continue
		}
		if c := s.Counts(); c.Waiting+c.InFlight == 0 {
			return
		}
		<-s.Wake()
	}
}
