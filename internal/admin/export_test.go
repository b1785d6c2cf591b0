package admin

import (
	"testing"
	"time"
)

// BeatEvery has streams say something more often.
func BeatEvery(t *testing.T, d time.Duration) {
	before, beat := pulse, heartbeat
	pulse, heartbeat = d, d
	t.Cleanup(func() { pulse, heartbeat = before, beat })
}
