package faulttest

import (
	"flag"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"sync"
	"testing"
	"time"
)

var (
	rounds = flag.Int("rounds", 12, "how often the server is killed")
	cuts   = flag.Int("cuts", 0, "at how many moments the power is cut; 0 means 1200, or 150 with the race detector")
	seed   = flag.Uint64("seed", 0, "the seed of the random numbers; 0 means a new one each time")
)

// powerCuts is the default of -cuts.
var powerCuts = 1200

var workDir string

func TestMain(m *testing.M) {
	flag.Parse()
	if *cuts > 0 {
		powerCuts = *cuts
	}
	os.Exit(func() int {
		var err error
		if workDir, err = os.MkdirTemp("", "faulttest"); err != nil {
			fmt.Fprintln(os.Stderr, err)
			return 1
		}
		defer os.RemoveAll(workDir)
		return m.Run()
	}())
}

// caddyBinary builds the server to be tested, once, and returns its path.
var caddyBinary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(workDir, "caddy")
	output, err := exec.Command("go", "build", "-o", path, "../cmd/caddy").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, output)
	}
	return path, nil
})

// chance returns random numbers for the test, and logs the seed with which they can be repeated.
func chance(t *testing.T) *rand.Rand {
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// between returns a random duration between low and high.
func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}
