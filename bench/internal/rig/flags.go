package rig

import (
	"errors"
	"flag"
	"fmt"
	"math"
)

// Flags are the flags of a benchmark and the checks of their values.
type Flags struct {
	*flag.FlagSet
	checks []func() error
}

// NoLimit is the upper limit of a number that has none.
const NoLimit = math.MaxInt

// NewFlags makes the flag set of a benchmark. -help prints help before the flags.
func NewFlags(name, help string) *Flags {
	flags := flag.NewFlagSet("bench "+name, flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), help)
		flags.PrintDefaults()
	}
	return &Flags{FlagSet: flags}
}

// Number defines a flag with a number that must be from least to most.
func (f *Flags) Number(name string, value, least, most int, usage string) *int {
	n := f.Int(name, value, usage)
	f.checks = append(f.checks, func() error {
		switch {
		case *n >= least && *n <= most:
			return nil
		case most == NoLimit:
			return fmt.Errorf("-%s must be at least %d", name, least)
		}
		return fmt.Errorf("-%s must be from %d to %d", name, least, most)
	})
	return n
}

// Rounds defines the flag -rounds. What names the things that are measured.
func (f *Flags) Rounds(value int, what string) *int {
	return f.Number("rounds", value, 1, NoLimit, "how often "+what+" is measured")
}

// Profile defines the flag -profile, the file for a CPU profile that is taken after
// the rounds.
func (f *Flags) Profile(what string) *string {
	return f.String("profile", "", "after the rounds, write a CPU profile of "+what+" to this `file`")
}

// Parse parses the arguments and checks the values. The flag package itself prints
// what it cannot parse.
func (f *Flags) Parse(args []string) error {
	switch err := f.FlagSet.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return errors.New("see -help")
	case f.NArg() > 0:
		return fmt.Errorf("surplus argument %q", f.Arg(0))
	}
	for _, check := range f.checks {
		if err := check(); err != nil {
			return err
		}
	}
	return nil
}
