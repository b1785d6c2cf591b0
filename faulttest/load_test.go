package faulttest

import (
	"context"
	"crypto/tls"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/profile"
)

// load sends callbacks of many users, those of each one after the other.
type load struct {
	t      *testing.T
	url    string
	client *http.Client
	users  []*user
	resend bool // what was not answered, until it is
	pad    int  // bytes more in each
	pause  time.Duration

	stopping chan struct{}
	wg       sync.WaitGroup

	ok         atomic.Int64
	refused    atomic.Int64 // answered 503
	unanswered atomic.Int64
	slowest    atomic.Int64 // answer, in nanoseconds
}

type user struct {
	name string
	last int   // what was sent
	ok   []int // what was answered OK
}

func newLoad(t *testing.T, s *server, users int) *load {
	l := &load{
		t:   t,
		url: fmt.Sprintf("https://localhost:%d/im/callback", s.port),
		client: &http.Client{
			Timeout:   20 * time.Second, // beyond it the order of what was sent is not known
			Transport: &http.Transport{TLSClientConfig: &tls.Config{RootCAs: s.roots}, MaxIdleConnsPerHost: users},
		},
		pause: 3 * time.Millisecond,
	}
	s.closeIdle = l.client.CloseIdleConnections
	for i := range users {
		l.users = append(l.users, &user{name: fmt.Sprint("user", i)})
	}
	t.Cleanup(func() {
		l.stop()
		l.client.CloseIdleConnections()
	})
	return l
}

// start has all users send, each as fast as it gets answers.
func (l *load) start() {
	stopping := make(chan struct{})
	l.stopping = stopping
	for _, u := range l.users {
		l.wg.Go(func() {
			for {
				l.next(u)
				select {
				case <-stopping:
					return
				case <-time.After(l.pause):
				}
			}
		})
	}
}

// stop waits for the answers to what was sent. It can be called again.
func (l *load) stop() {
	if l.stopping != nil {
		close(l.stopping)
		l.stopping = nil
	}
	l.wg.Wait()
}

// each has each user send n callbacks.
func (l *load) each(n int) {
	var wg sync.WaitGroup
	for _, u := range l.users {
		wg.Go(func() {
			for range n {
				l.next(u)
			}
		})
	}
	wg.Wait()
}

// next sends a user's next callback.
func (l *load) next(u *user) {
	u.last++
	body := fmt.Sprintf(`{"CallbackCommand":"Profile.CallbackPortraitSet","From_Account":%q,"EventTime":%d,"ProfileItem":[`+
		`{"Tag":"Tag_Profile_Custom_N","Value":"%d"},{"Tag":"Tag_Profile_Custom_Pad","Value":"%s"}]}`,
		u.name, time.Now().UnixMilli(), u.last, strings.Repeat("x", l.pad))
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		start := time.Now()
		status, err := l.send(body)
		took := time.Since(start)
		switch {
		case err != nil:
			l.unanswered.Add(1)
			if took >= l.client.Timeout || l.resend && time.Now().After(deadline) {
				l.t.Errorf("%s %d: not answered: %v", u.name, u.last, err)
			} else if l.resend {
				continue
			}
			time.Sleep(20 * time.Millisecond)
			return
		case status == http.StatusOK:
			l.ok.Add(1)
			u.ok = append(u.ok, u.last)
		default:
			l.refused.Add(1)
		}
		for { // an answer, so that its time counts
			slowest := l.slowest.Load()
			if int64(took) <= slowest || l.slowest.CompareAndSwap(slowest, int64(took)) {
				return
			}
		}
	}
}

// send returns an error if there was no complete answer. One that is neither a
// right OK nor a right 503 fails the test.
func (l *load) send(body string) (status int, err error) {
	req, err := profile.NewRequest(context.Background(), l.url, profile.Callback{SDKAppID: sdkAppID, Token: token, Body: []byte(body)})
	if err != nil {
		return 0, err
	}
	resp, err := l.client.Do(req)
	if err != nil {
		return 0, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return 0, err
	}
	answer, err := profile.ParseAnswer(text)
	wanted := map[int]string{http.StatusOK: profile.StatusOK, http.StatusServiceUnavailable: profile.StatusFail}[resp.StatusCode]
	if err != nil || answer.ActionStatus != wanted {
		l.t.Errorf("answered %s: %q, %v", resp.Status, text, err)
	}
	return resp.StatusCode, nil
}

// noneRefused fails if a callback was answered 503.
func (l *load) noneRefused() {
	l.t.Helper()
	if n := l.refused.Load(); n > 0 {
		l.t.Errorf("%d of %d were answered 503", n, n+l.ok.Load())
	}
}
