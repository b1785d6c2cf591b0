package timcallback

import (
	"net/http"
	"sync"
	"time"
)

// stopGrace is how long the next handlers have to return after the context of the
// request is done.
const stopGrace = 50 * time.Millisecond

// substitute answers Tencent in place of handlers that go on after the context of the
// request is done (reverse_proxy between its tries, a FastCGI backend). Over HTTP/1
// the answer is then complete for the client. Over HTTP/2 and HTTP/3 all of it is
// sent in time too, but the stream ends only with the handlers.
type substitute struct {
	mu       sync.Mutex
	timer    *time.Timer
	over     bool // either side is done
	answered bool
}

// watch answers with what settle returns at a time, unless it was stopped before.
func watch(w http.ResponseWriter, x *exchange, protoMajor int, at time.Time, settle func() reply) *substitute {
	s := new(substitute)
	s.mu.Lock() // the timer may fire at once
	defer s.mu.Unlock()
	s.timer = time.AfterFunc(time.Until(at), func() {
		s.mu.Lock()
		defer s.mu.Unlock()
		if s.over {
			return
		}
		s.over, s.answered = true, true
		if protoMajor == 1 {
			w.Header().Set("Connection", "close") // the next request on it would have to wait
		}
		answerNow(w, x, settle())
	})
	return s
}

// stop ends the watch and reports whether Tencent has been answered.
func (s *substitute) stop() (answered bool) {
	s.timer.Stop()
	s.mu.Lock()
	defer s.mu.Unlock()
	s.over = true
	return s.answered
}
