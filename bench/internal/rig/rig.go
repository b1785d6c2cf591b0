// Package rig is what the benchmarks share: flags, Caddy and other processes, the
// load that wrk puts on them, the CPU time that they take, and rounds and tables.
package rig

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"time"
)

// Rig is a temporary folder and the servers that run in it.
type Rig struct {
	Dir     string // in $TMPDIR
	caddy   string // the Caddy binary, "" if none was built
	servers []*Process
}

// New makes a temporary folder. Close removes it.
func New() (*Rig, error) {
	dir, err := os.MkdirTemp("", "tim-bench-")
	if err != nil {
		return nil, fmt.Errorf("making a temporary folder: %w", err)
	}
	return &Rig{Dir: dir}, nil
}

// NewWithCaddy also builds Caddy with this module, so that Start can run servers. It
// is an error if the machine lacks what the load generator needs.
func NewWithCaddy(ctx context.Context) (*Rig, error) {
	if err := Check("wrk", "taskset"); err != nil {
		return nil, err
	}
	r, err := New()
	if err != nil {
		return nil, err
	}
	fmt.Println("building cmd/caddy")
	r.caddy = filepath.Join(r.Dir, "caddy")
	build := exec.CommandContext(ctx, "go", "build", "-o", r.caddy, "github.com/d13c7061/caddy-tim-callback/cmd/caddy")
	if output, err := build.CombinedOutput(); err != nil {
		return nil, errors.Join(fmt.Errorf("building cmd/caddy: %w\n%s", err, output), r.Close())
	}
	return r, nil
}

// Start runs servers one after the other, each with its files in a folder of its own,
// and waits until each gives the right answer.
func (r *Rig) Start(ctx context.Context, servers ...*Server) error {
	for _, s := range servers {
		err := s.start(r.caddy, filepath.Join(r.Dir, "server-"+s.Name))
		if s.Process != nil {
			r.servers = append(r.servers, s.Process)
		}
		if err == nil {
			err = s.awaitAnswer(ctx)
		}
		if err != nil {
			return fmt.Errorf("starting the server %s: %w", s.Name, err)
		}
	}
	return nil
}

// Close stops the servers and removes the folder.
func (r *Rig) Close() error {
	Stop(r.servers...)
	return os.RemoveAll(r.Dir)
}

// packages are the Debian packages of the programs that the benchmarks run.
var packages = map[string]string{"wrk": "wrk", "taskset": "util-linux", "redis-server": "redis-server"}

// Check returns an error that names what this machine lacks: one of the programs, or
// a second core.
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

// Sleep waits for d, or returns an error as soon as ctx is done.
func Sleep(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}
