package redact

import (
	"slices"
	"sync"
	"sync/atomic"
)

// uses are the patterns of the configurations that are loaded.
var uses struct {
	sync.Mutex
	patterns []*[]string
}

var current atomic.Pointer[Masker]

// Use has the process mask what patterns name, wherever it shows payloads, until end is called. While a
// reload goes on, what the old or the new configuration names is masked.
func Use(patterns ...string) (end func(), err error) {
	if _, err := New(patterns...); err != nil {
		return nil, err
	}
	use := &patterns
	uses.Lock()
	defer uses.Unlock()
	uses.patterns = append(uses.patterns, use)
	update()
	return sync.OnceFunc(func() {
		uses.Lock()
		defer uses.Unlock()
		uses.patterns = slices.DeleteFunc(uses.patterns, func(p *[]string) bool { return p == use })
		update()
	}), nil
}

func update() {
	all := new(Masker)
	for _, patterns := range uses.patterns {
		m, _ := New(*patterns...) // it was checked
		all.patterns = append(all.patterns, m.patterns...)
	}
	current.Store(all)
}

// Current masks what the configurations that are loaded name.
func Current() *Masker { return current.Load() }
