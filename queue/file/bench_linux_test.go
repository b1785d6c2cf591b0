package file

import (
	"flag"
	"os"
	"path/filepath"
	"testing"
	"time"

	"golang.org/x/sys/unix"
)

var coldEvents = flag.Int("cold-events", 10_000, "how many events the file has that BenchmarkReadAhead opens")

// BenchmarkReadAhead compares opening a file that the kernel has nothing of in memory, as
// after a reboot, with and without reading it ahead. Each iteration measures both. The
// events of a new file are on the disk in their order; those of a used file are on pages
// that earlier events were on, in any order.
func BenchmarkReadAhead(b *testing.B) {
	b.Run("new", func(b *testing.B) { benchmarkReadAhead(b, false) })
	b.Run("used", func(b *testing.B) { benchmarkReadAhead(b, true) })
}

func benchmarkReadAhead(b *testing.B, used bool) {
	const senders, size = 256, 900
	options := Options{Path: filepath.Join(b.TempDir(), "q.db")}
	s := openBenchmarked(b, options)
	putEvents(b, s, senders, 0, *coldEvents, size)
	if used {
		for first := 0; first < *coldEvents; first += useAtATime {
			deliverEvents(b, s, min(useAtATime, *coldEvents-first))
			putEvents(b, s, senders, *coldEvents+first, *coldEvents+min(first+useAtATime, *coldEvents), size)
		}
	}
	if err := s.Close(); err != nil {
		b.Fatal(err)
	}
	comparePairs(b, func(without bool) time.Duration {
		evict(b, options.Path)
		options.noReadAhead = without
		start := time.Now()
		s := openBenchmarked(b, options)
		took := time.Since(start)
		if n := s.Counts().Waiting; n != *coldEvents {
			b.Fatalf("the file has %d events, want %d", n, *coldEvents)
		}
		if err := s.Close(); err != nil {
			b.Fatal(err)
		}
		return took
	})
}

// useAtATime is how many events are replaced at a time to make a used file.
const useAtATime = 5000

// deliverEvents takes so many events and records that they were delivered.
func deliverEvents(b *testing.B, s *Store, events int) {
	left := s.Counts().Waiting - events
	for range events {
		item, _, err := s.Take(time.Now())
		if err != nil || item == nil {
			b.Fatal(item, err)
		}
		s.Delivered(item)
	}
	for counts := s.Counts(); counts.Waiting+counts.InFlight > left; counts = s.Counts() {
		time.Sleep(time.Millisecond)
	}
}

// evict drops what the kernel has of a file in memory.
func evict(b *testing.B, path string) {
	f, err := os.Open(path)
	if err != nil {
		b.Fatal(err)
	}
	defer f.Close()
	// only what is on the disk can be dropped
	if err := f.Sync(); err != nil {
		b.Fatal(err)
	}
	if err := unix.Fadvise(int(f.Fd()), 0, 0, unix.FADV_DONTNEED); err != nil {
		b.Fatal(err)
	}
}
