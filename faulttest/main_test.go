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
	seed   = flag.Uint64("seed", 0, "of what is left to chance; 0 takes another one each time")
)

var workDir string

func TestMain(m *testing.M) {
	flag.Parse()
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

// caddyBinary is the server under test, built once.
var caddyBinary = sync.OnceValues(func() (string, error) {
	path := filepath.Join(workDir, "caddy")
	output, err := exec.Command("go", "build", "-o", path, "../cmd/caddy").CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("building the server: %w\n%s", err, output)
	}
	return path, nil
})

// chance returns this test's source of chance, and logs how to have it again.
func chance(t *testing.T) *rand.Rand {
	s := *seed
	if s == 0 {
		s = uint64(time.Now().UnixNano())
	}
	t.Logf("-seed %d", s)
	return rand.New(rand.NewPCG(s, 0))
}

// between is a random duration.
func between(r *rand.Rand, low, high time.Duration) time.Duration {
	return low + time.Duration(r.Int64N(int64(high-low)))
}

// within waits for a condition.
func within(t *testing.T, limit time.Duration, condition func() bool, format string, args ...any) {
	t.Helper()
	for deadline := time.Now().Add(limit); !condition(); time.Sleep(10 * time.Millisecond) {
		if time.Now().After(deadline) {
			t.Fatalf("not within %s: %s", limit, fmt.Sprintf(format, args...))
		}
	}
}
