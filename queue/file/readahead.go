package file

import "os"

// readAhead reads a file from its beginning to its end, until stop is called, so that the kernel
// has it in memory. bbolt tells the kernel not to read ahead: without this, the first read of each
// page of a long queue would wait for the disk after a reboot.
func readAhead(path string) (stop func()) {
	if lockedByProcess() {
		return func() {}
	}
	f, err := os.Open(path)
	if err != nil {
		return func() {} // opening is only slower then
	}
	stopping, stopped := make(chan struct{}), make(chan struct{})
	go func() {
		defer close(stopped)
		defer f.Close()
		buf := make([]byte, 1<<20)
		for {
			select {
			case <-stopping:
				return
			default:
			}
			if _, err := f.Read(buf); err != nil {
				return
			}
		}
	}()
	return func() {
		close(stopping)
		<-stopped
	}
}
