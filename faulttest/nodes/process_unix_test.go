//go:build unix

package nodes

import "syscall"

// pause stops the process where it is. Its connections stay open.
func (n *node) pause() { n.signal(syscall.SIGSTOP) }

// resume lets a paused process go on.
func (n *node) resume() { n.signal(syscall.SIGCONT) }
