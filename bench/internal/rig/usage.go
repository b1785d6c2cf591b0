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

// usage is how much CPU time was taken until a moment.
type usage struct {
	at      time.Time
	process time.Duration // by the server
	core    time.Duration // by all on the server's core
}

func (s *Server) usage() (u usage, err error) {
	u.at = time.Now()
	if u.process, err = ProcessTime(s.process.Process.Pid); err == nil {
		u.core, err = coreTime(s.Core)
	}
	if err != nil {
		err = fmt.Errorf("reading the CPU time: %w", err)
	}
	return u, err
}

// CPU is the user and system time of the server until now.
func (s *Server) CPU() (time.Duration, error) {
	used, err := ProcessTime(s.process.Process.Pid)
	if err != nil {
		err = fmt.Errorf("reading the CPU time: %w", err)
	}
	return used, err
}

// ProcessTime is the user and system time of a process.
func ProcessTime(pid int) (time.Duration, error) {
	text, err := os.ReadFile("/proc/" + strconv.Itoa(pid) + "/stat")
	if err != nil {
		return 0, err
	}
	// the second field, the name in parentheses, may hold anything
	fields := strings.Fields(string(text[bytes.LastIndexByte(text, ')')+1:]))
	if len(fields) < 13 {
		return 0, errors.New("/proc/PID/stat has an unknown format")
	}
	return sumTicks(fields[11:13])
}

// coreTime is what a core did not spend idle or waiting for a disk.
func coreTime(core string) (time.Duration, error) {
	text, err := os.ReadFile("/proc/stat")
	if err != nil {
		return 0, err
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
	return 100 // of nearly all kernels
})
