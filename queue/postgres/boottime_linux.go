package postgres

import (
	"syscall"
	"time"

	"golang.org/x/sys/unix"
)

// sinceBoot returns the time since the machine was started. Unlike Go's monotonic clock it goes on
// while the machine sleeps.
func sinceBoot() time.Duration {
	var ts unix.Timespec
	if err := unix.ClockGettime(unix.CLOCK_BOOTTIME, &ts); err != nil {
		return time.Since(processStart)
	}
	return time.Duration(ts.Nano())
}

// setUserTimeout makes a connection fail if what was sent is not acknowledged for a while.
func setUserTimeout(_, _ string, c syscall.RawConn) error {
	return c.Control(func(fd uintptr) {
		_ = unix.SetsockoptInt(int(fd), unix.IPPROTO_TCP, unix.TCP_USER_TIMEOUT, int(userTimeout.Milliseconds()))
	})
}
