package inspector

import (
	"bytes"
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync/atomic"
	"time"

	"github.com/caddyserver/caddy/v2"
)

const (
	maxStreams    = 64              // live views at a time, in all configurations
	writeTimeout  = 5 * time.Second // for a browser that does not read
	rowsPerUpdate = 200             // a browser that is behind is shown the newest ones only
)

// pulse is how often a stream looks whether Caddy exits, and heartbeat is how often it says something.
var pulse, heartbeat = time.Second, 15 * time.Second

var streams atomic.Int32

// stream sends rows of the table of callbacks as they come, as server-sent events.
func (i *Inspector) stream(w http.ResponseWriter, r *http.Request, v *view) {
	defer streams.Add(-1)
	switch {
	case streams.Add(1) > maxStreams:
		plain(w, http.StatusServiceUnavailable, "There are too many live views.\n")
		return
	case len(v.Errs) > 0:
		plain(w, http.StatusBadRequest, "The filter is not valid.\n")
		return
	}
	after, err := strconv.ParseUint(v.After, 10, 64)
	if id := r.Header.Get("Last-Event-ID"); id != "" {
		after, err = strconv.ParseUint(id, 10, 64)
	}
	if last := i.source.Last(); err != nil || after > last { // of another process
		after = last
	}
	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("X-Accel-Buffering", "no") // for an nginx in front
	w.WriteHeader(http.StatusOK)
	if r.Method == http.MethodHead {
		return
	}
	ctx, cancel := context.WithCancel(r.Context())
	defer cancel()
	defer context.AfterFunc(i.ended, cancel)()
	s := stream{view: v, source: i.source, to: w, control: http.NewResponseController(w), at: after}
	// Caddy limits how long a request may be read, and the server takes the end of that for the client's
	_ = s.control.SetReadDeadline(time.Time{})
	defer func() { _ = s.control.SetWriteDeadline(time.Time{}) }() // that of the last write is not for the next request
	s.run(ctx)
}

// stream is a live view.
type stream struct {
	*view
	source  source
	to      http.ResponseWriter
	control *http.ResponseController
	at      uint64 // the number of the last callback that was sent, or not wanted
	out     bytes.Buffer
}

// run sends rows until ctx ends or the client has gone.
func (s *stream) run(ctx context.Context) {
	news, stop := s.source.Watch()
	defer stop()
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	said := time.Now()
	fmt.Fprintf(&s.out, "retry: 2000\nid: %d\n\n", s.at)
	for {
		if err := s.rows(ctx); err != nil {
			return
		}
		if s.out.Len() > 0 {
			said = time.Now()
			if s.send() != nil {
				return
			}
		}
		select {
		case <-news:
			// whoever looks at it cannot read faster, and a storm of callbacks costs less
			select {
			case <-time.After(100 * time.Millisecond):
			case <-ctx.Done():
				return
			}
		case <-ctx.Done():
			return
		case <-ticker.C:
			if caddy.Exiting() {
				return
			}
			if time.Since(said) >= heartbeat {
				fmt.Fprintf(&s.out, ": heartbeat\nid: %d\n\n", s.at)
			}
		}
	}
}

// rows writes what has come.
func (s *stream) rows(ctx context.Context) error {
	var found []callbackInfo
	skipped := uint64(0)
	for ctx.Err() == nil {
		some, upTo, lost := s.source.Next(s.at, &s.filter)
		skipped += lost
		found = append(found, some...)
		if upTo == s.at {
			break
		}
		s.at = upTo
		if more := len(found) - rowsPerUpdate; more > 0 {
			skipped += uint64(more)
			found = found[more:]
		}
	}
	if skipped > 0 {
		fmt.Fprintf(&s.out, "event: skipped\ndata: %d\n\n", skipped)
	}
	for _, c := range found {
		var row bytes.Buffer
		s.Now = time.Now()
		if err := templates.ExecuteTemplate(&row, "callback-row", callbackRow{s.view, c}); err != nil {
			return err
		}
		fmt.Fprintf(&s.out, "id: %d\n", c.Seq)
		for line := range bytes.SplitSeq(bytes.TrimSpace(row.Bytes()), []byte("\n")) {
			fmt.Fprintf(&s.out, "data: %s\n", bytes.TrimSpace(line))
		}
		s.out.WriteByte('\n')
	}
	return ctx.Err()
}

func (s *stream) send() error {
	defer s.out.Reset()
	// a browser that does not read must not hold up the end for long; not all response writers can do this, and
	// no other goroutine may
	_ = s.control.SetWriteDeadline(time.Now().Add(writeTimeout))
	if _, err := s.to.Write(s.out.Bytes()); err != nil {
		return err
	}
	return s.control.Flush()
}
