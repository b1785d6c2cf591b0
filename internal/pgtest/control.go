package pgtest

import (
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"time"
)

// Kill kills the server with all its backends at once, with no chance to write or to say
// anything. It does nothing if the server does not run.
func (s *Server) Kill() {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	var err error
	if s.process.alive() {
		_, err = sweep(s.process.pid, sigKill, entry.dead)
		_ = send(s.process.pid, sigKill)
	}
	s.ended(err)
	s.forget()
}

// Stop stops the server as an administrator would: it ends its connections, and writes
// everything.
func (s *Server) Stop() {
	s.tb.Helper()
	s.Resume()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil {
		return
	}
	var err error
	if s.process.alive() {
		err = send(s.process.pid, sigInterrupt)
	}
	s.ended(err)
}

// Restart starts the server again, at the same port. It stops it before, if it runs.
func (s *Server) Restart() {
	s.tb.Helper()
	s.Stop()
	s.launch()
}

// Pause stops the server and all its backends where they are. Their connections stay
// open, but nobody answers.
func (s *Server) Pause() {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil || !s.process.alive() {
		s.fatalf("it cannot be paused, since it does not run")
	}
	if s.paused {
		return
	}
	pids, err := sweep(s.process.pid, sigStop, entry.stopped)
	if err == nil {
		err = os.WriteFile(s.pausedFile(), []byte(numbers(pids)), 0o600)
	}
	if err != nil {
		s.fatalf("pause: %v", err)
	}
	s.paused = true
}

// Resume lets a paused server go on. It does nothing if the server is not paused.
func (s *Server) Resume() {
	s.tb.Helper()
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.process == nil || !s.paused {
		return
	}
	s.paused = false
	_ = os.Remove(s.pausedFile())
	all, err := processes()
	for _, pid := range append(descendants(all, s.process.pid), s.process.pid) {
		_ = send(pid, sigContinue)
	}
	if err != nil {
		s.fatalf("resume: %v", err)
	}
}

// ended waits for the end of the server's process.
func (s *Server) ended(err error) {
	s.tb.Helper()
	p := s.process
	select {
	case <-p.ended:
		s.process, s.paused = nil, false
		_ = os.Remove(s.pausedFile())
	case <-time.After(limit):
		s.fatalf("process %d did not end within %s: %v", p.pid, limit, err)
	}
}

// forget removes what a killed server leaves beside its data: its PID file, which would
// name a process that is not its own, and a segment of shared memory.
func (s *Server) forget() {
	if lines := s.pidFile(); len(lines) >= 7 {
		if ids := strings.Fields(lines[6]); len(ids) == 2 {
			_ = exec.Command("ipcrm", "-m", ids[1]).Run()
		}
	}
	_ = os.Remove(filepath.Join(s.data(), "postmaster.pid"))
}

func numbers(pids []int) string {
	var b strings.Builder
	for _, pid := range pids {
		b.WriteString(strconv.Itoa(pid) + "\n")
	}
	return b.String()
}
