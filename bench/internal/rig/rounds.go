package rig

import (
	"fmt"
	"io"
	"os"
	"slices"
	"text/tabwriter"
	"time"
)

// Quantity is a number that a result has, with the title of its column and the format
// in which it is printed.
type Quantity[R any] struct {
	Title, Format string
	Of            func(R) float64
}

// Rounds has the result of each subject, by its name, in each round.
type Rounds[R any] []map[string]R

// Alternate measures every subject once in each round, and prints one quantity of each
// result. The order is rotated from round to round, since what slows the machine down
// for a while must not always slow down the same subject.
func Alternate[S fmt.Stringer, R any](count int, subjects []S, printed Quantity[R], measure func(S) (R, error)) (Rounds[R], error) {
	rounds := make(Rounds[R], count)
	for i := range rounds {
		rounds[i] = make(map[string]R)
		fmt.Printf("round %d:", i+1)
		for n := range subjects {
			s := subjects[(i+n)%len(subjects)]
			result, err := measure(s)
			if err != nil {
				fmt.Println()
				return nil, fmt.Errorf("round %d: %s: %w", i+1, s, err)
			}
			rounds[i][s.String()] = result
			fmt.Printf("  %s "+printed.Format, s, printed.Of(result))
		}
		fmt.Println()
	}
	return rounds, nil
}

// Names returns the names of subjects.
func Names[S fmt.Stringer](subjects []S) []string {
	names := make([]string, len(subjects))
	for i, s := range subjects {
		names[i] = s.String()
	}
	return names
}

// has reports whether a subject was measured.
func (r Rounds[R]) has(name string) bool {
	_, ok := r[0][name]
	return ok
}

// PrintMedians prints a note and a table with the median of each quantity, for those of
// the named subjects that were measured. Kind says what the subjects are.
func (r Rounds[R]) PrintMedians(note, kind string, names []string, quantities ...Quantity[R]) {
	fmt.Printf("\nMedians of %d rounds%s\n\n", len(r), note)
	printTable(tabwriter.AlignRight, func(table io.Writer) {
		fmt.Fprint(table, kind, "\t")
		for _, q := range quantities {
			fmt.Fprint(table, q.Title, "\t")
		}
		fmt.Fprintln(table)
		for _, name := range names {
			if !r.has(name) {
				continue
			}
			fmt.Fprint(table, name, "\t")
			for _, q := range quantities {
				_, median, _ := quartiles(r, func(round map[string]R) float64 { return q.Of(round[name]) })
				fmt.Fprintf(table, q.Format+"\t", median)
			}
			fmt.Fprintln(table)
		}
	})
}

// Pair is two subjects that are compared, and what makes the difference.
type Pair struct{ One, Other, What string }

// PrintRatios prints the ratio of a quantity for each pair of which both were measured.
func (r Rounds[R]) PrintRatios(of string, q Quantity[R], digits int, pairs ...Pair) {
	fmt.Printf("\nRatios of %s: median of the rounds' own ratios, and the middle half of them.\n\n", of)
	printTable(0, func(table io.Writer) {
		for _, p := range pairs {
			if !r.has(p.One) || !r.has(p.Other) {
				continue
			}
			low, median, high := quartiles(r, func(round map[string]R) float64 { return q.Of(round[p.One]) / q.Of(round[p.Other]) })
			fmt.Fprintf(table, "%s / %s\t%.*f\t(%.*f to %.*f)", p.One, p.Other, digits, median, digits, low, digits, high)
			if p.What != "" {
				fmt.Fprint(table, "\t", p.What)
			}
			fmt.Fprintln(table)
		}
	})
}

func printTable(flags uint, rows func(io.Writer)) {
	table := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', flags)
	rows(table)
	_ = table.Flush()
}

// quartiles returns the quartiles of a number that each round has.
func quartiles[Round any](rounds []Round, of func(Round) float64) (low, median, high float64) {
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

// In is d in a unit.
func In(unit, d time.Duration) float64 { return float64(d) / float64(unit) }
