package file

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/queuetest"
)

func TestConformance(t *testing.T) {
	queuetest.Run(t, queuetest.Opener{
		Durable: true,
		Open: func(t *testing.T, dir string, max int, now func() time.Time) queue.Store {
			s, err := Open(Options{Path: filepath.Join(dir, "queue.db"), MaxEvents: max, now: now})
			if err != nil {
				t.Fatal(err)
			}
			return s
		},
	})
}
