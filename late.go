package timcallback

import (
	"net/http"
	"sync"
	"time"
)

// lateGrace is how long handlers that obey the request's context have, once the
// budget is spent, to say so themselves.
const lateGrace = 50 * time.Millisecond

// lateAnswer answers in place of handlers that go on past the deadline although
// their context is done (reverse_proxy between its tries, a FastCGI backend). Over
// HTTP/1 the answer is then complete for the client; HTTP/2 and HTTP/3 carry it
// in time too, but end the stream only with the handler.
type lateAnswer struct {
	mu    sync.Mutex
	timer *time.Timer
	over  bool // by either side
	given bool
}

func watch(w http.ResponseWriter, c *callback, protoMajor int, at time.Time, outcome func() (status int, body []byte)) *lateAnswer {
	late := new(lateAnswer)
	late.mu.Lock() // the timer may fire at once
	defer late.mu.Unlock()
	late.timer = time.AfterFunc(time.Until(at), func() {
		late.mu.Lock()
		defer late.mu.Unlock()
		if late.over {
			return
		}
		late.over, late.given = true, true
		if protoMajor == 1 {
			w.Header().Set("Connection", "close") // the next request on it would have to wait
		}
		status, body := outcome()
		answerNow(w, c, status, body)
	})
	return late
}

// stop ends the watch and reports whether the answer was given.
func (l *lateAnswer) stop() (given bool) {
	l.timer.Stop()
	l.mu.Lock()
	defer l.mu.Unlock()
	l.over = true
	return l.given
}
