package recent

import (
	"slices"
	"sync"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// Process remembers the callbacks of the process, across reloads of the configuration. It remembers
// none until [Use] is called.
var Process = NewRing(0)

// Run tells this process from others, since the numbers of callbacks begin anew in each.
var Run = callback.RandomID()[:8]

// uses are the configurations that have started, the newest one last.
var uses struct {
	sync.Mutex
	sizes []*int
}

// Use has [Process] remember so many callbacks, until end is called or another configuration sets
// another number. If there is no configuration left, what is remembered stays.
func Use(size int) (end func()) {
	uses.Lock()
	defer uses.Unlock()
	return begin(size)
}

// UseFirst is Use for a configuration that may never start: it does nothing, and returns nil, while another
// configuration is in use.
func UseFirst(size int) (end func()) {
	uses.Lock()
	defer uses.Unlock()
	if len(uses.sizes) > 0 {
		return nil
	}
	return begin(size)
}

func begin(size int) (end func()) {
	use := &size
	uses.sizes = append(uses.sizes, use)
	Process.Resize(size)
	return sync.OnceFunc(func() {
		uses.Lock()
		defer uses.Unlock()
		n := slices.Index(uses.sizes, use)
		uses.sizes = slices.Delete(uses.sizes, n, n+1)
		if last := len(uses.sizes) - 1; n > last && last >= 0 {
			Process.Resize(*uses.sizes[last])
		}
	})
}
