package rig

import (
	"bytes"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"strings"
	"sync"
	"time"
)

// usage is how much CPU time was used until a moment.
type usage struct {
	at      time.Time
	process time.Duration // by the server's process
	core    time.Duration // by all processes on the server's core
}

func (s *Server) usage() (u usage, err error) {
	u.at = time.Now()
	if u.process, err = s.CPU(); err == nil {
		u.core, err = coreTime(s.Core)
	}
	return u, err
}

// CPU is the user and system time of the process until now.
func (p *Process) CPU() (time.Duration, error) { return processTime(p.command.Process.Pid) }

// OwnCPU is the user and system time of this process until now.
func OwnCPU() (time.Duration, error) { return processTime(os.Getpid()) }

// processTime is the user and system time of a process.
func processTime(pid int) (time.Duration, error) {
	fields, err := processStat(pid)
	if err != nil {
		return 0, err
	}
	return sumTicks(fields[11:13])
}

// processStat returns what the system tells about a process, from its state on.
func processStat(pid int) ([]string, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return nil, fmt.Errorf("reading the CPU time: %w", err)
	}
	// the second field is the name in parentheses, which may hold spaces and parentheses
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 15 {
		return nil, errors.New("/proc/PID/stat has an unknown format")
	}
	return fields, nil
}

// OwnRssAnon is how many bytes of memory this process has, without pages of files.
func OwnRssAnon() (int64, error) { return rssAnon("self") }

// RssAnon is how many bytes of memory the process has, without pages of files.
func (p *Process) RssAnon() (int64, error) { return rssAnon(strconv.Itoa(p.command.Process.Pid)) }

func rssAnon(pid string) (int64, error) {
	text, err := os.ReadFile("/proc/" + pid + "/status")
	if err != nil {
		return 0, err
	}
	_, rest, _ := bytes.Cut(text, []byte("\nRssAnon:"))
	var kilobytes int64
	if _, err := fmt.Sscan(string(rest), &kilobytes); err != nil {
		return 0, fmt.Errorf("/proc/PID/status has an unknown format: %w", err)
	}
	return kilobytes << 10, nil
}

// coreTime is the time that a core was neither idle nor waiting for a disk.
func coreTime(core string) (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, fmt.Errorf("reading the CPU time: %w", err)
	}
	for line := range strings.Lines(string(text)) {
		if fields := strings.Fields(line); len(fields) >= 9 && fields[0] == "cpu"+core {
			return sumTicks(append(fields[1:4:4], fields[6:9]...))
		}
	}
	return 0, errors.New("/proc/stat has an unknown format")
}

func sumTicks(fields []string) (time.Duration, error) {
	var ticks int64
	for _, field := range fields {
		n, err := strconv.ParseInt(field, 10, 64)
		if err != nil {
			return 0, err
		}
		ticks += n
	}
	return time.Duration(ticks) * time.Second / time.Duration(ticksPerSecond()), nil
}

var ticksPerSecond = sync.OnceValue(func() int64 {
	if text, err := exec.Command("getconf", "CLK_TCK").Output(); err == nil {
		if n, err := strconv.ParseInt(strings.TrimSpace(string(text)), 10, 64); err == nil && n > 0 {
			return n
		}
	}
	return 100 // nearly all kernels have this one
})
