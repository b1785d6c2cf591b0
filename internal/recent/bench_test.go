package recent

import (
	"fmt"
	"testing"
)

// BenchmarkRecentAdd is what a callback costs on the way of its request.
func BenchmarkRecentAdd(b *testing.B) {
	for _, size := range []int{DefaultSize, 100_000} {
		b.Run(fmt.Sprint(size), func(b *testing.B) {
			r := NewRing(size)
			callbacks := make([]*Callback, 4096)
			for n := range callbacks {
				callbacks[n] = answered(n)
			}
			b.ReportAllocs()
			for n := 0; b.Loop(); n++ {
				r.Add(callbacks[n%len(callbacks)])
			}
		})
	}
}

// BenchmarkRecentAddParallel is the same from several requests at once.
func BenchmarkRecentAddParallel(b *testing.B) {
	r := NewRing(DefaultSize)
	b.ReportAllocs()
	b.RunParallel(func(pb *testing.PB) {
		c := answered(1)
		for pb.Next() {
			r.Add(c)
		}
	})
}

// BenchmarkRecentAttempted is what an attempt to deliver costs.
func BenchmarkRecentAttempted(b *testing.B) {
	r := NewRing(DefaultSize)
	attempts := make([]Attempt, DefaultSize)
	for n := range attempts {
		c := answered(n)
		r.Add(c)
		attempts[n] = attempt(c, Delivered, 1, c.Began)
	}
	b.ReportAllocs()
	for n := 0; b.Loop(); n++ {
		r.Attempted(attempts[n%len(attempts)])
	}
}
