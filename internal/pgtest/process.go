package pgtest

import (
	"fmt"
	"os/exec"
	"runtime"
	"time"
)

// process is a child process.
type process struct {
	pid   int
	ended chan struct{} // closed once it has ended and is reaped
}

// start starts a command. On Linux the process dies with the thread that started it, so
// that a thread of its own waits for it.
func start(cmd *exec.Cmd) (*process, error) {
	dieWithParent(cmd.SysProcAttr)
	p := &process{ended: make(chan struct{})}
	started := make(chan error)
	go func() {
		runtime.LockOSThread()
		defer runtime.UnlockOSThread()
		err := cmd.Start()
		if err == nil {
			p.pid = cmd.Process.Pid
		}
		started <- err
		if err == nil {
			_ = cmd.Wait()
			close(p.ended)
		}
	}()
	return p, <-started
}

// alive reports whether the process has not ended yet.
func (p *process) alive() bool {
	select {
	case <-p.ended:
		return false
	default:
		return true
	}
}

// entry is what the system tells about a process.
type entry struct {
	parent int
	state  byte // as ps shows it
}

func (e entry) dead() bool    { return e.state == 'Z' || e.state == 'X' }
func (e entry) stopped() bool { return e.state == 'T' || e.state == 't' || e.dead() }

// sweep sends a signal to the descendants of a process until all that there are have the
// state that it leads to, and returns them. The process itself is stopped before, so
// that it makes no further ones.
func sweep(root int, s signal, done func(entry) bool) ([]int, error) {
	if err := send(root, sigStop); err != nil {
		return nil, err
	}
	for deadline := time.Now().Add(limit); ; time.Sleep(2 * time.Millisecond) {
		all, err := processes()
		if err != nil {
			return nil, err
		}
		below := descendants(all, root)
		missing := 0
		if e, ok := all[root]; ok && !e.stopped() {
			missing++
		} else {
			for _, pid := range below {
				if !done(all[pid]) {
					missing++
					_ = send(pid, s) // it may have ended
				}
			}
		}
		switch {
		case missing == 0:
			return below, nil
		case time.Now().After(deadline):
			return below, fmt.Errorf("not within %s: process %d and all below it get signal %v", limit, root, s)
		}
	}
}

// descendants returns the children of a process, and theirs.
func descendants(all map[int]entry, root int) (below []int) {
	for pid, e := range all {
		if e.parent == root {
			below = append(append(below, pid), descendants(all, pid)...)
		}
	}
	return below
}
