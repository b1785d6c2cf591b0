package queuetest_test

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/queuetest"
)

func TestMemory(t *testing.T) {
	queuetest.Run(t, queuetest.Opener{
		Open: func(t *testing.T, dir string, limits queue.Limits, now func() time.Time) queue.Store {
			m := queuetest.NewMemory(limits)
			m.Now = now
			return m
		},
	})
}
