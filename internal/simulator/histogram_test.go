package simulator

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

func TestPercentile(t *testing.T) {
	var h histogram
	if h.percentile(50) != 0 || h.max != 0 {
		t.Error("an empty one has values")
	}
	for i := range 100 {
		h.add(time.Duration(i+1) * time.Microsecond)
	}
	for p, want := range map[float64]time.Duration{0: 1, 1: 1, 50: 50, 90: 90, 99: 99, 99.5: 100, 100: 100} {
		if got := h.percentile(p); got != want*time.Microsecond {
			t.Errorf("p%v: got %v, want %v", p, got, want*time.Microsecond)
		}
	}
	one := histogram{}
	one.add(1234567 * time.Nanosecond)
	if got := one.percentile(99); got != 1234567*time.Nanosecond {
		t.Errorf("of one: got %v", got)
	}
}

func TestPercentileIsCloseToTheTruth(t *testing.T) {
	random := rand.New(rand.NewPCG(1, 2))
	var h histogram
	all := make([]time.Duration, 10_000)
	for i := range all {
		all[i] = time.Duration(random.ExpFloat64() * float64(20*time.Millisecond))
		h.add(all[i])
	}
	slices.Sort(all)
	for _, p := range []float64{1, 50, 90, 99, 99.9} {
		want := all[int(math.Round(p*float64(len(all))/100))-1]
		if got := h.percentile(p); got < want-time.Microsecond || float64(got) > float64(want)*1.01+1e3 {
			t.Errorf("p%v: got %v, want %v", p, got, want)
		}
	}
	if h.max != all[len(all)-1] {
		t.Errorf("max: got %v", h.max)
	}
}

func TestBucket(t *testing.T) {
	last := -1
	for _, d := range []time.Duration{-1, 0, 999, time.Microsecond, 255 * time.Microsecond, 256 * time.Microsecond, 258 * time.Microsecond, time.Second, time.Hour, 1<<63 - 1} {
		b := bucket(d)
		if b < last || b >= len(histogram{}.counts) {
			t.Errorf("%v: bucket %d after %d", d, b, last)
		}
		if d >= 0 && d <= time.Hour && (upper(b) < d.Truncate(time.Microsecond) || upper(b-min(b, 1)) > d) {
			t.Errorf("%v: bucket %d, up to %v", d, b, upper(b))
		}
		last = b
	}
}
