package file

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// ErrInUse means that another process has the file open.
var ErrInUse = errors.New("another process has it open")

// inUse returns an error that says which process that is, where the system shows it, and what to do.
func inUse(path string) error {
	return fmt.Errorf("%w%s, and delivers its events: stop that process, or give this queue another file", ErrInUse, holder(path))
}

// holder describes the process that has locked a file. It returns "" on systems other than Linux,
// or if the process cannot be found.
func holder(path string) string {
	locks, err := os.ReadFile("/proc/locks")
	if err != nil {
		return ""
	}
	if path, err = filepath.EvalSymlinks(path); err != nil {
		return ""
	}
	if path, err = filepath.Abs(path); err != nil {
		return ""
	}
	for line := range strings.Lines(string(locks)) {
		// such as "1: FLOCK  ADVISORY  WRITE 4711 fd:01:393217 0 EOF"
		fields := strings.Fields(line)
		if len(fields) < 5 || fields[1] != "FLOCK" {
			continue
		}
		process := filepath.Join("/proc", fields[4])
		descriptors, _ := filepath.Glob(process + "/fd/*")
		for _, descriptor := range descriptors {
			if target, err := os.Readlink(descriptor); err != nil || target != path {
				continue
			}
			name, _ := os.ReadFile(process + "/comm")
			return fmt.Sprintf(" (%s, process %s)", strings.TrimSpace(string(name)), fields[4])
		}
	}
	return ""
}
