package simulator

import (
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/console"
)

// ShowProgress shows the progress in one line on a terminal, and updates it until stop is
// called. stop removes the line.
func (t *Tally) ShowProgress(w io.Writer, requested int) (stop func()) {
	done := make(chan struct{})
	var shown sync.WaitGroup
	shown.Go(func() {
		const clear = "\r\x1b[K"
		ticks := time.NewTicker(100 * time.Millisecond)
		defer ticks.Stop()
		for {
			select {
			case <-done:
				_, _ = io.WriteString(w, clear)
				return
			case <-ticks.C:
				width, _ := console.Terminal(w)
				_, _ = io.WriteString(w, clear+t.progress(requested, width-1))
			}
		}
	})
	return func() {
		close(done)
		shown.Wait()
	}
}

// progress returns the line, cut off to width.
func (t *Tally) progress(requested, width int) string {
	r := t.Report(requested)
	line := fmt.Sprintf("%d/%d sent, %d not accepted, %.0f per second", r.Sent, requested, r.Sent-r.Taken, r.PerSecond)
	if r.Latency != nil {
		line += ", p99 " + duration(r.Latency.P99)
	}
	return line[:max(0, min(len(line), width))]
}
