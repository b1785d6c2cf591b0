package admin

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/caddyserver/caddy/v2"

	"github.com/d13c7061/caddy-tim-callback/internal/adminapi"
	"github.com/d13c7061/caddy-tim-callback/internal/recent"
)

// pulse is how often a stream looks whether Caddy exits, and heartbeat is how often it says something.
var pulse, heartbeat = time.Second, adminapi.Heartbeat

// serveRecentStream sends callbacks as they are answered, as server-sent events. It begins after the
// cursor in Last-Event-ID or after, or else with those of since, or else with the next callback.
// It ends when the client goes, or when Caddy is reloaded or stops.
func (a *API) serveRecentStream(w http.ResponseWriter, r *http.Request) error {
	q, err := readRecentQuery(r)
	if err != nil {
		return err
	}
	if r.URL.Query().Get("limit") != "" {
		return apiError(http.StatusBadRequest, errors.New("limit: a stream has no pages"))
	}
	if text := r.Header.Get("Last-Event-ID"); text != "" {
		if q.after, err = parseCursor(text); err != nil {
			return apiError(http.StatusBadRequest, fmt.Errorf("the header Last-Event-ID: %w", err))
		}
	}
	ctx, cancel := a.untilReplaced(r.Context())
	defer cancel()
	rc := http.NewResponseController(w)
	// Caddy limits how long a request may be read, and the server takes the end of that for the client's
	_ = rc.SetReadDeadline(time.Time{})
	defer hurryAfter(ctx, rc)()

	w.Header().Set("Content-Type", "text/event-stream")
	w.Header().Set("Cache-Control", "no-store")
	s := stream{out: bufio.NewWriter(w), flush: rc.Flush, filter: q.filter}
	s.begin(&q)
	s.run(ctx, cancel)
	return nil
}

// hurryAfter gives a client that does not read no more time once ctx has ended, so that it does not hold up
// the end. The function that it returns must be called before the handler returns: after that, nobody
// may use the response any more.
func hurryAfter(ctx context.Context, rc *http.ResponseController) (end func()) {
	done := make(chan struct{})
	stop := context.AfterFunc(ctx, func() {
		defer close(done)
		_ = rc.SetWriteDeadline(time.Now())
	})
	return func() {
		if !stop() {
			<-done
		}
	}
}

// stream is a stream of callbacks.
type stream struct {
	out    *bufio.Writer
	flush  func() error
	filter recent.Filter
	at     uint64 // the number of the last callback that was sent, or not wanted
	past   bool   // whether it has to say how many it has left out
	sent   time.Time
}

// begin finds the beginning.
func (s *stream) begin(q *recentQuery) {
	switch {
	case q.after.run == recent.Run:
		s.at, s.past = q.after.seq, true
	case q.after.run != "": // Caddy was restarted
		s.past = true
	case !q.filter.Since.IsZero():
	default:
		s.at = recent.Process.Last()
	}
}

// run sends callbacks until ctx ends or the client has gone.
func (s *stream) run(ctx context.Context, end context.CancelFunc) {
	news, stop := recent.Process.Watch()
	defer stop()
	ticker := time.NewTicker(pulse)
	defer ticker.Stop()
	s.position()
	if s.send() != nil {
		return
	}
	for {
		more, err := s.some()
		if err != nil || ctx.Err() != nil {
			return
		}
		if more {
			continue
		}
		select {
		case <-news:
		case <-ctx.Done():
			return
		case <-ticker.C:
			if caddy.Exiting() {
				end()
				return
			}
			if time.Since(s.sent) >= heartbeat {
				fmt.Fprint(s.out, ": heartbeat\n")
				s.position() // it may be ahead of the last callback that was wanted
				if s.send() != nil {
					return
				}
			}
		}
	}
}

// some sends some callbacks, if there are any, and reports whether there were any.
func (s *stream) some() (more bool, err error) {
	found, upTo, lost := recent.Process.After(s.at, &s.filter)
	more = upTo != s.at
	if lost > 0 && s.past {
		fmt.Fprintf(s.out, "event: %s\nid: %s\n", adminapi.EventLost, cursorAt(s.at+lost))
		s.data(adminapi.Lost{Lost: lost})
	}
	s.at, s.past = upTo, true
	for i := range found {
		c := wireCallback(&found[i])
		fmt.Fprintf(s.out, "id: %s\n", c.Cursor)
		s.data(c)
	}
	if len(found) == 0 && lost == 0 {
		return more, nil
	}
	return more, s.send()
}

func (s *stream) data(v any) {
	text, _ := json.Marshal(v) // never fails
	fmt.Fprintf(s.out, "data: %s\n\n", text)
}

// position tells the client where it is. It is an event without data, which browsers do not show.
func (s *stream) position() { fmt.Fprintf(s.out, "id: %s\n\n", cursorAt(s.at)) }

func (s *stream) send() error {
	s.sent = time.Now()
	if err := s.out.Flush(); err != nil {
		return err
	}
	return s.flush()
}
