package delivery

import (
	"cmp"
	"time"
)

// Options are the options of a [Dispatcher]. Zero and negative values mean the defaults.
type Options struct {
	// Workers is how many attempts are made at the same time. Default: 16.
	Workers int

	// Timeout is the time limit for an attempt. Default: 10s.
	Timeout time.Duration

	// RetryMin is the longest wait after the first failure of an event. After each
	// further failure it doubles, up to RetryMax. Default: 1s.
	RetryMin time.Duration

	// RetryMax is the longest wait before an event is tried again. Default: 10m.
	RetryMax time.Duration

	// GiveUpAfter is how long, from its first attempt on, an event is tried during
	// outages. The next failure makes it a dead letter. Default: 72h.
	GiveUpAfter time.Duration

	// MaxRefusals is how many refusals make an event a dead letter. A refusal counts
	// only while the backend is not down. Default: 5.
	MaxRefusals int
}

// The defaults of [Options].
const (
	DefaultWorkers     = 16
	DefaultTimeout     = 10 * time.Second
	DefaultRetryMin    = time.Second
	DefaultRetryMax    = 10 * time.Minute
	DefaultGiveUpAfter = 72 * time.Hour
	DefaultMaxRefusals = 5
)

func (o Options) withDefaults() Options {
	return Options{
		Workers:     cmp.Or(max(o.Workers, 0), DefaultWorkers),
		Timeout:     cmp.Or(max(o.Timeout, 0), DefaultTimeout),
		RetryMin:    cmp.Or(max(o.RetryMin, 0), DefaultRetryMin),
		RetryMax:    cmp.Or(max(o.RetryMax, 0), DefaultRetryMax),
		GiveUpAfter: cmp.Or(max(o.GiveUpAfter, 0), DefaultGiveUpAfter),
		MaxRefusals: cmp.Or(max(o.MaxRefusals, 0), DefaultMaxRefusals),
	}
}
