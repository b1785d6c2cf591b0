package rig

import (
	"slices"
	"time"
)

// In is d in a unit.
func In(unit, d time.Duration) float64 { return float64(d) / float64(unit) }

// Quartiles returns the quartiles of what of says about each round.
func Quartiles[Round any](rounds []Round, of func(Round) float64) (low, median, high float64) {
	values := make([]float64, len(rounds))
	for i, r := range rounds {
		values[i] = of(r)
	}
	slices.Sort(values)
	at := func(share float64) float64 {
		position := share * float64(len(values)-1)
		i := int(position)
		next := values[min(i+1, len(values)-1)]
		return values[i] + (position-float64(i))*(next-values[i])
	}
	return at(0.25), at(0.5), at(0.75)
}

// Median is the middle one of Quartiles.
func Median[Round any](rounds []Round, of func(Round) float64) float64 {
	_, median, _ := Quartiles(rounds, of)
	return median
}
