package rig

import (
	"bytes"
	"context"
	"fmt"
	"os/exec"
	"syscall"
	"time"
)

// Process is a program that runs until it is stopped.
type Process struct {
	command *exec.Cmd
	output  bytes.Buffer
	exited  chan struct{} // closed once it has ended
}

// Command prepares a program that Ctrl-C does not reach: only this program gets the
// signal, and it stops the others itself.
func Command(ctx context.Context, program string, args ...string) *exec.Cmd {
	command := exec.CommandContext(ctx, program, args...)
	command.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return command
}

// StartProcess starts a program, with env added to its environment.
func StartProcess(env []string, program string, args ...string) (*Process, error) {
	p := &Process{command: Command(context.Background(), program, args...), exited: make(chan struct{})}
	p.command.Env = append(p.command.Environ(), env...)
	p.command.Stdout, p.command.Stderr = &p.output, &p.output
	if err := p.command.Start(); err != nil {
		return nil, fmt.Errorf("starting %s: %w", program, err)
	}
	go func() {
		_ = p.command.Wait() // Gone tells how it ended
		close(p.exited)
	}()
	return p, nil
}

// Gone returns an error that says how the process has ended, and nil while it runs.
func (p *Process) Gone() error {
	select {
	case <-p.exited:
		return fmt.Errorf("it has ended (%s) and said:\n%s", p.command.ProcessState, &p.output)
	default:
		return nil
	}
}

// Stop stops all processes at once. It kills those that still run after 5 seconds.
func Stop(processes ...*Process) {
	for _, p := range processes {
		_ = p.command.Process.Signal(syscall.SIGTERM)
	}
	ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
	defer cancel()
	for _, p := range processes {
		select {
		case <-p.exited:
		case <-ctx.Done():
			_ = p.command.Process.Kill()
			<-p.exited
		}
	}
}
