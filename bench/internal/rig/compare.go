package rig

import (
	"fmt"
	"time"
)

// LoadFlags are the flags of a benchmark that compares servers under load.
type LoadFlags struct{ rounds, seconds, connections *int }

// Load defines the flags -rounds, -seconds and -connections.
func (f *Flags) Load(rounds, connections int) *LoadFlags {
	return &LoadFlags{
		rounds:      f.Rounds(rounds, "each server"),
		seconds:     f.Number("seconds", 2, 1, 49, "length of a round, below 50: a Sign is fresh for a minute"),
		connections: f.Number("connections", connections, 1, NoLimit, "kept-alive connections of wrk"),
	}
}

// Rounds is the flag -rounds.
func (f *LoadFlags) Rounds() int { return *f.rounds }

// Seconds is the flag -seconds.
func (f *LoadFlags) Seconds() int { return *f.seconds }

// Comparison compares servers under load in alternating rounds.
type Comparison struct {
	Servers []*Server
	Load    *Generator

	rounds int
	round  time.Duration
}

// NewComparison makes the comparison that the flags describe.
func (r *Rig) NewComparison(flags *LoadFlags, unique bool, servers []*Server) *Comparison {
	return &Comparison{
		Servers: servers,
		Load:    r.NewGenerator(*flags.connections, unique),
		rounds:  *flags.rounds,
		round:   time.Duration(*flags.seconds) * time.Second,
	}
}

// Measure calls measure once for each server to warm it up, and then once for each
// server in each round. It prints one quantity of each result, under the title.
func (c *Comparison) Measure(title string, printed Quantity[Result], measure func(s *Server, duration time.Duration) (Result, error)) (Rounds[Result], error) {
	for _, s := range c.Servers {
		if _, err := measure(s, time.Second); err != nil {
			return nil, err
		}
	}
	fmt.Printf("%s, in the order of measuring:\n", title)
	return Alternate(c.rounds, c.Servers, printed, func(s *Server) (Result, error) { return measure(s, c.round) })
}
