package simulator

import (
	"math"
	"math/bits"
	"time"
)

// histogram counts durations with an error of at most 1 %. Its size does not depend on their
// number: there are 128 buckets for each power of two of microseconds.
type histogram struct {
	counts [128 * 32]uint64
	total  uint64
	max    time.Duration
}

func (h *histogram) add(d time.Duration) {
	h.counts[bucket(d)]++
	h.total++
	h.max = max(h.max, d)
}

// bucket returns the index of the bucket for d. Each of the first 256 buckets is for one
// microsecond. The others are for durations with the same 8 leading bits.
func bucket(d time.Duration) int {
	us := uint64(max(d, 0) / time.Microsecond)
	shift := max(bits.Len64(us)-8, 0)
	return min(shift*128+int(us>>shift), len(histogram{}.counts)-1)
}

// upper returns the longest duration of a bucket, in whole microseconds.
func upper(bucket int) time.Duration {
	shift := max(bucket/128-1, 0)
	return time.Duration((uint64(bucket-shift*128)+1)<<shift-1) * time.Microsecond
}

// percentile returns the duration that p percent of all durations do not exceed, or 0 if there
// are no durations.
func (h *histogram) percentile(p float64) time.Duration {
	rank, seen := max(uint64(math.Ceil(p*float64(h.total)/100)), 1), uint64(0)
	for i, n := range h.counts {
		if seen += n; seen >= rank {
			return min(upper(i), h.max)
		}
	}
	return h.max
}
