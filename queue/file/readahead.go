package file

import "os"

// readAhead has the kernel read a file in its order, until it is told to stop. bbolt asks it not to do so by itself: without this, each
// page of a long queue that is opened after a reboot would wait for the disk.
func readAhead(path string) (stop func()) {
	if lockedByProcess() {
		return func() {}
	}
	f, err := os.Open(path)
	if err != nil {
		return func() {} // it is slower then, and no more
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
