//go:build !linux

package postgres

import (
	"syscall"
	"time"
)

// sinceBoot returns the time since the process was started, by the monotonic clock.
func sinceBoot() time.Duration { return time.Since(processStart) }

func setUserTimeout(_, _ string, _ syscall.RawConn) error { return nil }
