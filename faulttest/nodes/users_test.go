package nodes

import (
	"context"
	"fmt"
	"io"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
	"github.com/d13c7061/caddy-tim-callback/profile"
)

// user sends callbacks one after another, each to any of the nodes.
type user struct {
	name string

	mu   sync.Mutex
	last int // the number of the last callback that was sent
	sent []answer
}

// answer is how a callback was answered.
type answer struct {
	n      int
	node   string // which node has answered
	status int
	began  time.Time // when the request that was answered was sent
	ended  time.Time
}

// users send callbacks.
type users struct {
	t      *testing.T
	list   []*user
	nodes  []*node
	client *http.Client
	pause  time.Duration

	stopping chan struct{}
	given    atomic.Bool // whether the test has ended
	wg       sync.WaitGroup
}

func newUsers(t *testing.T, count int) *users {
	u := &users{t: t, pause: 20 * time.Millisecond, client: &http.Client{Timeout: 5 * time.Second, Transport: &http.Transport{MaxIdleConnsPerHost: count}}}
	for i := range count {
		u.list = append(u.list, &user{name: fmt.Sprint("user", i)})
	}
	t.Cleanup(func() {
		u.giveUp()
		u.client.CloseIdleConnections()
	})
	return u
}

// start makes all users send callbacks, until stop is called.
func (u *users) start() {
	stopping := make(chan struct{})
	u.stopping = stopping
	for _, one := range u.list {
		u.wg.Go(func() {
			for {
				u.send(one)
				select {
				case <-stopping:
					return
				case <-time.After(u.pause):
				}
			}
		})
	}
}

// stop waits for the last answers. It may be called again.
func (u *users) stop() {
	if u.stopping != nil {
		close(u.stopping)
		u.stopping = nil
	}
	u.wg.Wait()
}

// giveUp stops at the end of a test, when nobody may be there to answer.
func (u *users) giveUp() {
	u.given.Store(true)
	u.stop()
}

// sendAll makes each user send n callbacks.
func (u *users) sendAll(n int) {
	var wg sync.WaitGroup
	for _, one := range u.list {
		wg.Go(func() {
			for range n {
				u.send(one)
			}
		})
	}
	wg.Wait()
}

// send sends the next callback of a user to any node, and again to another one until it is answered.
func (u *users) send(one *user) answer {
	one.mu.Lock()
	one.last++
	number := one.last
	one.mu.Unlock()
	body := bodyOf(one.name, number)
	var given answer
	for deadline := time.Now().Add(40 * time.Second); ; {
		to := u.any()
		var err error
		if given, err = u.sendTo(to, number, body); err == nil {
			break
		}
		if u.given.Load() {
			return given
		}
		if time.Now().After(deadline) {
			u.t.Errorf("%s %d is not answered: %v", one.name, number, err)
			break
		}
		time.Sleep(10 * time.Millisecond)
	}
	one.mu.Lock()
	defer one.mu.Unlock()
	one.sent = append(one.sent, given)
	return given
}

// any returns a node that serves, once there is one.
func (u *users) any() *node {
	for deadline := time.Now().Add(40 * time.Second); time.Now().Before(deadline) && !u.given.Load(); time.Sleep(10 * time.Millisecond) {
		var serving []*node
		for _, n := range u.nodes {
			if n.serving.Load() {
				serving = append(serving, n)
			}
		}
		if len(serving) > 0 {
			return serving[rand.IntN(len(serving))]
		}
	}
	return u.nodes[0]
}

func bodyOf(name string, number int) string {
	return fmt.Sprintf(`{"CallbackCommand":"Profile.CallbackPortraitSet","From_Account":%q,"EventTime":%d,"ProfileItem":[{"Tag":"Tag_Profile_Custom_N","Value":"%d"}]}`,
		name, 1_600_000_000_000+number, number)
}

// sendTo sends a callback once. It returns an error if there was no complete answer. An answer that is
// neither a correct OK nor a correct 503 fails the test.
func (u *users) sendTo(to *node, number int, body string) (answer, error) {
	given := answer{n: number, node: to.name, began: time.Now()}
	req, err := callback.NewRequest(context.Background(), fmt.Sprintf("http://localhost:%d/im/callback", to.port),
		callback.Request{SDKAppID: sdkAppID, Command: profile.Command, Token: token, Body: []byte(body)})
	if err != nil {
		return given, err
	}
	resp, err := u.client.Do(req)
	if err != nil {
		return given, err
	}
	defer resp.Body.Close()
	text, err := io.ReadAll(resp.Body)
	if err != nil {
		return given, err
	}
	given.status, given.ended = resp.StatusCode, time.Now()
	parsed, err := callback.ParseAnswer(text)
	wanted := map[int]string{http.StatusOK: callback.StatusOK, http.StatusServiceUnavailable: callback.StatusFail}[resp.StatusCode]
	if err != nil || parsed.ActionStatus != wanted {
		u.t.Errorf("node %s answered %s: %q, %v", to.name, resp.Status, text, err)
	}
	return given, nil
}

func (a answer) isOK() bool { return a.status == http.StatusOK }

func (a answer) took() time.Duration { return a.ended.Sub(a.began) }

// answers returns all answers until now.
func (u *users) answers() (all []answer) {
	for _, one := range u.list {
		one.mu.Lock()
		all = append(all, one.sent...)
		one.mu.Unlock()
	}
	return all
}

// count returns how many answers there are for which which returns true.
func (u *users) count(which func(answer) bool) (n int) {
	for _, a := range u.answers() {
		if which(a) {
			n++
		}
	}
	return n
}

// more waits until n more callbacks were answered OK, of those for which which returns true.
func (u *users) more(n int, which func(answer) bool) {
	u.t.Helper()
	ok := func(a answer) bool { return a.isOK() && (which == nil || which(a)) }
	before := u.count(ok)
	caddytest.Eventually(u.t, func() bool { return u.count(ok) >= before+n }, "%d more are answered OK", n)
}

// mustRefuseNone fails if a callback was not answered OK.
func (u *users) mustRefuseNone() {
	u.t.Helper()
	if n := u.count(func(a answer) bool { return !a.isOK() }); n > 0 {
		u.t.Errorf("%d callbacks were not answered OK", n)
	}
}

// percentile returns the time within which a part of the answers came.
func percentile(all []answer, part float64) time.Duration {
	if len(all) == 0 {
		return 0
	}
	took := make([]time.Duration, len(all))
	for i, a := range all {
		took[i] = a.took()
	}
	slices.Sort(took)
	return took[int(part*float64(len(took)-1))]
}
