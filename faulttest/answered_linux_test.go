package faulttest

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"net/http/httptrace"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/profile"
	"github.com/d13c7061/caddy-tim-callback/queue"
	"github.com/d13c7061/caddy-tim-callback/queue/file"
)

// answerLog records, for each connection of the client, the answers in the order in which they came.
type answerLog struct {
	next *http.Transport

	mu   sync.Mutex
	sent map[string]sent       // by ID
	came map[string][]answered // by the client's port
}

type sent struct {
	user string
	n    int
}

type answered struct {
	id string
	ok bool
}

// logAnswers makes the load record its answers.
func (l *load) logAnswers() *answerLog {
	n := &answerLog{next: l.client.Transport.(*http.Transport), sent: make(map[string]sent), came: make(map[string][]answered)}
	l.client.Transport = n
	return n
}

var numbered = regexp.MustCompile(`"From_Account":"([^"]+)".*?"Tag_Profile_Custom_N","Value":"(\d+)"`)

// RoundTrip implements [http.RoundTripper].
func (n *answerLog) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := r.GetBody()
	if err != nil {
		return nil, err
	}
	text, err := io.ReadAll(body)
	if err != nil {
		return nil, err
	}
	id := callback.EventID(sdkAppID, profile.Command, "", text)
	match := numbered.FindSubmatch(text)
	event := sent{user: string(match[1])}
	if event.n, err = strconv.Atoi(string(match[2])); err != nil {
		return nil, err
	}
	n.mu.Lock()
	n.sent[id] = event
	n.mu.Unlock()

	var port string
	resp, err := n.next.RoundTrip(r.WithContext(httptrace.WithClientTrace(r.Context(), &httptrace.ClientTrace{
		GotConn: func(info httptrace.GotConnInfo) { _, port, _ = net.SplitHostPort(info.Conn.LocalAddr().String()) },
	})))
	if err == nil {
		n.mu.Lock()
		n.came[port] = append(n.came[port], answered{id, resp.StatusCode == http.StatusOK})
		n.mu.Unlock()
	}
	return resp, err
}

// CloseIdleConnections is called by [http.Client.CloseIdleConnections].
func (n *answerLog) CloseIdleConnections() { n.next.CloseIdleConnections() }

// record is what happened, according to the system calls. Moments are numbered from 1 on.
type record struct {
	path      string
	moments   []moment
	sent      map[string]sent
	answered  map[string]int // by ID, the moment when the server began to write OK
	delivered map[string]int // by ID, the moment when the server had read 200 from the backend
	replayed  map[string]bool
	starts    []int
}

const (
	tlsData  = 0x17
	tlsAlert = 64 // the most bytes of an alert
)

var ceID = regexp.MustCompile(`\r\nCe-Id: ([0-9a-f]+)\r\n`)

// matchAnswers finds the moments at which callbacks were answered and events were delivered.
func (r *record) matchAnswers(t *testing.T, s *server, n *answerLog) {
	t.Helper()
	_, backend, err := net.SplitHostPort(s.backend)
	if err != nil {
		t.Fatal(err)
	}
	r.sent, r.answered, r.delivered = n.sent, make(map[string]int), make(map[string]int)
	answers := make(map[string][]int) // by the client's port
	sending := make(map[string]string)
	for i, m := range r.moments {
		if m.name != "read" && m.name != "write" && m.name != "writev" {
			continue
		}
		own, other := m.ports()
		switch {
		case own == strconv.Itoa(s.port) && m.name == "write" && !m.returned:
			// with TLS 1.3 without tickets, and HTTP/1.1, each write after the handshake is an answer
			if len(m.data) > tlsAlert && m.data[0] == tlsData {
				answers[other] = append(answers[other], i+1)
			}
		case own == strconv.Itoa(s.port) && m.name == "writev":
			t.Fatalf("this call was not expected: %s", m)
		case other == backend && m.name == "write" && !m.returned:
			if match := ceID.FindSubmatch(m.data[:min(len(m.data), 4096)]); match != nil {
				sending[own] = string(match[1])
			}
		case other == backend && m.name == "read" && m.returned && bytes.HasPrefix(m.data, []byte("HTTP/1.1 200 ")):
			if id := sending[own]; r.delivered[id] == 0 {
				r.delivered[id] = i + 1
			}
		}
	}
	came, unclear := 0, 0
	for port, list := range n.came {
		came += len(list)
		written := answers[port]
		// The last answer may not have reached the client. If more are missing, because the
		// client gave up or a port was used again, the answers cannot be matched.
		if len(written) < len(list) || len(written) > len(list)+1 {
			t.Logf("%d answers came on port %s, but the trace has %d: these are left out", len(list), port, len(written))
			unclear += len(list)
			continue
		}
		for i, answer := range list {
			if answer.ok {
				r.answered[answer.id] = written[i]
			}
		}
	}
	if unclear > came/4 {
		t.Fatalf("of %d answers that came, %d cannot be found in the trace", came, unclear)
	}
	if len(r.answered) == 0 || len(r.delivered) == 0 {
		t.Fatalf("%d were answered OK and %d delivered: the trace shows nothing", len(r.answered), len(r.delivered))
	}
}

// found says how many events were found in a file, and how many of them had to be there.
type found struct {
	waiting, dead, required int
}

// check opens a file as a power cut at the moment now has left it. It takes all events, and then
// checks that an event can be stored again.
func (r *record) check(path string, now int) (have found, err error) {
	s, err := file.Open(file.Options{Path: path})
	if err != nil {
		return have, err
	}
	defer s.Close()
	there := make(map[string]bool)
	newest := make(map[string]int)
	seen := func(id string) (sent, error) {
		event, ok := r.sent[id]
		if !ok || there[id] {
			return event, fmt.Errorf("%q was never sent, or the file has it twice", id)
		}
		there[id] = true
		return event, nil
	}
	letters, err := s.Dead("", len(r.sent)+1)
	if err != nil {
		return have, err
	}
	for _, letter := range letters {
		if _, err := seen(letter.ID); err != nil {
			return have, fmt.Errorf("dead letters: %w", err)
		}
	}
	have.dead = len(letters)
	err = takeAll(s, func(item *queue.Item) error {
		have.waiting++
		event, err := seen(item.ID)
		switch {
		case err != nil || r.replayed[item.ID]: // a replayed event is not in order
			return err
		case event.n <= newest[event.user]:
			return fmt.Errorf("%s: event %d came after %d", event.user, event.n, newest[event.user])
		}
		newest[event.user] = event.n
		return nil
	})
	if err != nil {
		return have, err
	}
	var lost []string
	for id, at := range r.answered {
		if at > now || r.delivered[id] != 0 && r.delivered[id] <= now {
			continue
		}
		if have.required++; !there[id] {
			lost = append(lost, fmt.Sprintf("%s %d, answered at %d", r.sent[id].user, r.sent[id].n, at))
		}
	}
	if len(lost) > 0 {
		slices.Sort(lost)
		return have, fmt.Errorf("%d events are lost of %d that were answered OK: %.200q", len(lost), have.required, lost)
	}
	if added, err := s.Put(context.Background(), queue.Event{ID: "after", Key: "after"}); err != nil || !added {
		return have, fmt.Errorf("storing again: %v, %w", added, err)
	}
	if err := s.Close(); err != nil {
		return have, err
	}
	if n, err := file.Count(path); err != nil || n != have.dead+1 {
		return have, fmt.Errorf("afterwards the file holds %d events, want %d: %w", n, have.dead+1, err)
	}
	return have, nil
}

// takeAll takes and delivers all events, and calls each for every one.
func takeAll(s *file.Store, each func(*queue.Item) error) error {
	limit := time.After(20 * time.Second)
	for later := time.Now().Add(time.Hour); ; {
		item, _, err := s.Take(later)
		if err != nil {
			return err
		}
		if item != nil {
			if err := each(item); err != nil {
				return err
			}
			s.Delivered(item)
			continue
		}
		if counts := s.Counts(); counts.Waiting+counts.InFlight == 0 {
			return nil
		}
		select {
		case <-s.Wake():
		case <-limit:
			return fmt.Errorf("not all events could be taken: the store still holds %+v", s.Counts())
		}
	}
}
