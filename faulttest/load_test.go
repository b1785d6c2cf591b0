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

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// load sends callbacks of many users. Those of the same user it sends one after the other.
type load struct {
	t      *testing.T
	url    string
	client *http.Client
	users  []*user
	resend bool // whether a callback is sent again until it is answered
	pad    int  // how many more bytes each callback has
	mixed  bool // whether each user also sends and gets messages
	pause  time.Duration

	stopping chan struct{}
	wg       sync.WaitGroup

	ok         atomic.Int64
	refused    atomic.Int64 // how many were answered 503
	unanswered atomic.Int64
	slowest    atomic.Int64 // the longest time until an answer, in nanoseconds
}

type user struct {
	name string
	last int   // the number of the last callback that was sent
	ok   []int // the numbers of the callbacks that were answered OK
}

func newLoad(t *testing.T, s *server, users int) *load {
	l := &load{
		t:   t,
		url: fmt.Sprintf("https://localhost:%d/im/callback", s.port),
		client: &http.Client{
			Timeout:   20 * time.Second, // after a longer time the order of the callbacks is not known
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

// start makes all users send callbacks, each as fast as it gets answers.
func (l *load) start() {
	stopping := make(chan struct{})
	l.stopping = stopping
	for _, u := range l.users {
		l.wg.Go(func() {
			for {
				l.sendNext(u)
				select {
				case <-stopping:
					return
				case <-time.After(l.pause):
				}
			}
		})
	}
}

// stop stops sending and waits for the last answers. It may be called again.
func (l *load) stop() {
	if l.stopping != nil {
		close(l.stopping)
		l.stopping = nil
	}
	l.wg.Wait()
}

// sendAll makes each user send n callbacks, and waits for the answers.
func (l *load) sendAll(n int) {
	var wg sync.WaitGroup
	for _, u := range l.users {
		wg.Go(func() {
			for range n {
				l.sendNext(u)
			}
		})
	}
	wg.Wait()
}

// sendNext sends the next callback of a user.
func (l *load) sendNext(u *user) {
	u.last++
	command, body := profile.Command, fmt.Sprintf(`{"CallbackCommand":"Profile.CallbackPortraitSet","From_Account":%q,"EventTime":%d,"ProfileItem":[`+
		`{"Tag":"Tag_Profile_Custom_N","Value":"%d"},{"Tag":"Tag_Profile_Custom_Pad","Value":"%s"}]}`,
		u.name, time.Now().UnixMilli(), u.last, strings.Repeat("x", l.pad))
	if l.mixed {
		command, body = u.message()
	}
	for deadline := time.Now().Add(20 * time.Second); ; time.Sleep(20 * time.Millisecond) {
		start := time.Now()
		status, err := l.send(command, body)
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
		for { // there was an answer, so its time counts
			slowest := l.slowest.Load()
			if int64(took) <= slowest || l.slowest.CompareAndSwap(slowest, int64(took)) {
				return
			}
		}
	}
}

// message is a callback of the user's conversation with somebody else: messages in both
// directions, and now and then one is recalled.
func (u *user) message() (command, body string) {
	command, from, to := "C2C.CallbackAfterSendMsg", u.name, "peer-of-"+u.name
	if u.last%2 == 0 {
		from, to = to, from
	}
	if u.last%5 == 0 {
		command = "C2C.CallbackAfterMsgWithDraw"
	}
	return command, fmt.Sprintf(`{"CallbackCommand":%q,"From_Account":%q,"To_Account":%q,"MsgKey":"%d","EventTime":%d,"CloudCustomData":"%s/%d"}`,
		command, from, to, u.last, time.Now().UnixMilli(), u.name, u.last)
}

// send sends a callback. It returns an error if there was no complete answer. An answer that is neither
// a correct OK nor a correct 503 fails the test.
func (l *load) send(command, body string) (status int, err error) {
	req, err := callback.NewRequest(context.Background(), l.url, callback.Request{SDKAppID: sdkAppID, Command: command, Token: token, Body: []byte(body)})
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
	answer, err := callback.ParseAnswer(text)
	wanted := map[int]string{http.StatusOK: callback.StatusOK, http.StatusServiceUnavailable: callback.StatusFail}[resp.StatusCode]
	if err != nil || answer.ActionStatus != wanted {
		l.t.Errorf("answered %s: %q, %v", resp.Status, text, err)
	}
	return resp.StatusCode, nil
}

// mustRefuseNone fails the test if a callback was answered 503.
func (l *load) mustRefuseNone() {
	l.t.Helper()
	if n := l.refused.Load(); n > 0 {
		l.t.Errorf("%d of %d were answered 503", n, n+l.ok.Load())
	}
}
