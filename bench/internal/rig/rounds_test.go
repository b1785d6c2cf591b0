package rig

import (
	"errors"
	"slices"
	"testing"
)

type subject string

func (s subject) String() string { return string(s) }

// TestAlternate checks that each subject is measured once in each round, and that the
// order is rotated.
func TestAlternate(t *testing.T) {
	printed := Quantity[int]{"number", "%.0f", func(n int) float64 { return float64(n) }}
	var order []subject
	rounds, err := Alternate(2, []subject{"a", "b", "c"}, printed, func(s subject) (int, error) {
		order = append(order, s)
		return len(order), nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if want := []subject{"a", "b", "c", "b", "c", "a"}; !slices.Equal(order, want) {
		t.Errorf("measured in the order %v, want %v", order, want)
	}
	if rounds[0]["c"] != 3 || rounds[1]["a"] != 6 {
		t.Errorf("the results are %v", rounds)
	}
	failure := errors.New("no result")
	if _, err := Alternate(1, []subject{"a"}, printed, func(subject) (int, error) { return 0, failure }); !errors.Is(err, failure) {
		t.Errorf("the error is %v, want %v", err, failure)
	}
}

// TestQuartiles checks the quartiles of an even and of an odd number of rounds.
func TestQuartiles(t *testing.T) {
	for _, test := range []struct {
		values            []float64
		low, median, high float64
	}{
		{[]float64{7}, 7, 7, 7},
		{[]float64{2, 1}, 1.25, 1.5, 1.75},
		{[]float64{5, 1, 3, 4, 2}, 2, 3, 4},
	} {
		low, median, high := quartiles(test.values, func(v float64) float64 { return v })
		if low != test.low || median != test.median || high != test.high {
			t.Errorf("the quartiles of %v are %v, %v and %v", test.values, low, median, high)
		}
	}
}
