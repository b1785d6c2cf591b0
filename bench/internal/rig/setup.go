package rig

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
)

// packages are Debian's of what the benchmarks run.
var packages = map[string]string{"wrk": "wrk", "taskset": "util-linux", "redis-server": "redis-server"}

// Check says what the machine lacks.
func Check(programs ...string) error {
	for _, program := range programs {
		if _, err := exec.LookPath(program); err != nil {
			return fmt.Errorf("%s is missing, install it with `apt-get install -y %s`: %w", program, packages[program], err)
		}
	}
	if runtime.NumCPU() < 2 {
		return errors.New("at least two cores are needed: one for the servers, one for the load")
	}
	return nil
}

// TempDir makes a folder, where $TMPDIR is, which is to be removed.
func TempDir() (string, error) {
	dir, err := os.MkdirTemp("", "tim-bench-")
	if err != nil {
		return "", fmt.Errorf("making a temporary folder: %w", err)
	}
	return dir, nil
}

// Setup builds Caddy with this module in a temporary folder, which is to be removed,
// if the machine has what is needed to load it.
func Setup(ctx context.Context) (dir, caddy string, err error) {
	if err := Check("wrk", "taskset"); err != nil {
		return "", "", err
	}
	if dir, err = TempDir(); err != nil {
		return "", "", err
	}
	fmt.Println("building cmd/caddy")
	caddy = filepath.Join(dir, "caddy")
	build := exec.CommandContext(ctx, "go", "build", "-o", caddy, "github.com/d13c7061/caddy-tim-callback/cmd/caddy")
	if output, err := build.CombinedOutput(); err != nil {
		return "", "", errors.Join(fmt.Errorf("building cmd/caddy: %w\n%s", err, output), os.RemoveAll(dir))
	}
	return dir, caddy, nil
}

// Flags makes the flag set of a benchmark; help is what it says before the flags.
func Flags(name, help string) *flag.FlagSet {
	flags := flag.NewFlagSet("bench "+name, flag.ContinueOnError)
	flags.Usage = func() {
		fmt.Fprint(flags.Output(), help)
		flags.PrintDefaults()
	}
	return flags
}

// Parse parses flags; the flag package says itself what is wrong with them.
func Parse(flags *flag.FlagSet, args []string) error {
	switch err := flags.Parse(args); {
	case errors.Is(err, flag.ErrHelp):
		return err
	case err != nil:
		return errors.New("see -help")
	case flags.NArg() > 0:
		return fmt.Errorf("surplus argument %q", flags.Arg(0))
	}
	return nil
}
