package faulttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"net/http"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

// TestPowerCut simulates a power cut at many moments. Of the queue file, the disk keeps the writes
// that were synced, and any part of the others. All events that were answered OK before, and not
// delivered, must be in the file, in order.
func TestPowerCut(t *testing.T) {
	needStrace(t)
	chance := chance(t)
	b := newBackend(t)
	s := newServer(t, b)
	s.path = filepath.Join(s.dir, "state", "queues", "queue.db")
	l := newLoad(t, s, 12)
	n := l.logAnswers()
	r := &record{path: s.path, replayed: make(map[string]bool)}
	for range 3 { // from the second time on, it starts with the file of a killed server
		trace := s.recordFromNextStart()
		s.start()
		for range 9 {
			l.round(b, chance)
			if state, err := s.state(); err != nil {
				t.Fatal(err)
			} else if state.Waiting > 60 {
				b.set(up)
				caddytest.Within(t, 20*time.Second, func() bool {
					state, err := s.state()
					return err == nil && state.Waiting < 30
				}, "most events are delivered")
			}
			if chance.IntN(4) == 0 {
				s.replay(t, r)
			}
		}
		b.set(up)
		b.setFor(l.users[0].name, refuse)
		l.sendAll(1)
		caddytest.Within(t, 20*time.Second, func() bool {
			state, err := s.state()
			return err == nil && state.Dead > 0
		}, "there is a dead letter")
		b.setFor(l.users[0].name, up)
		l.start()
		time.Sleep(between(chance, 50*time.Millisecond, 200*time.Millisecond))
		r.killServer(t, s, trace)
		l.stop()
	}
	r.matchAnswers(t, s, n)
	t.Logf("answered OK %d, delivered %d, replayed %d; %d moments", len(r.answered), len(r.delivered), len(r.replayed), len(r.moments))

	t.Run("all answered events are there", func(t *testing.T) {
		var cuts []int
		for range powerCuts {
			cuts = append(cuts, r.anyMoment(chance))
		}
		if have := r.checkCuts(t, chance, cuts); have.dead == 0 {
			t.Error("there were no dead letters: the test shows nothing about them")
		}
	})
	t.Run("a sync that does nothing is noticed", func(t *testing.T) {
		// from the first write of the event on: an earlier transaction must not have synced it
		r.mustNotice(t, chance, r.firstStored, func(stored int) (func(moment, int) bool, string) {
			return func(m moment, began int) bool {
				return m.returned && began >= stored
			}, "all dropped"
		})
	})
	t.Run("a write that is lost is noticed", func(t *testing.T) {
		r.mustNotice(t, chance, r.stored, func(stored int) (func(moment, int) bool, string) {
			return func(m moment, now int) bool {
				return !m.returned && now == stored
			}, "all kept"
		})
	})
}

// TestPowerCutAfterKill kills a server in the middle of a sync, and simulates a power cut while the
// next server starts. What that server has read may not be on the disk yet.
func TestPowerCutAfterKill(t *testing.T) {
	needStrace(t)
	chance := chance(t)
	b := newBackend(t)
	s := newServer(t, b)
	l := newLoad(t, s, 40)
	l.pad = 1000
	n := l.logAnswers()
	r := &record{path: s.path}
	trace := s.recordFromNextStart()
	s.start()
	b.set(down)
	l.sendAll(8)
	r.killServer(t, s, trace)
	b.set(up) // so that the next transactions free pages all over the file
	var cuts []int
	for try := 0; len(cuts) < powerCuts/4; try++ {
		if try == 20 {
			t.Fatal("it was hardly ever killed in the sync of a meta page")
		}
		trace = s.recordFromNextStart("-e", fmt.Sprintf("inject=fdatasync:signal=KILL:when=%d", 4+chance.IntN(6))) // counted for each thread
		s.launch()
		caddytest.Within(t, 20*time.Second, func() bool {
			l.sendAll(1)
			select {
			case <-s.exited:
				return true
			default:
				return false
			}
		}, "it is killed in a sync")
		if r.killServer(t, s, trace); !r.metaUnsynced() {
			continue
		}
		start := len(r.moments)
		trace = s.recordFromNextStart()
		s.start()
		r.killServer(t, s, trace)
		for range powerCuts/8 + 1 {
			cuts = append(cuts, min(start+chance.IntN(30), len(r.moments)))
		}
	}
	r.matchAnswers(t, s, n)
	r.checkCuts(t, chance, cuts)
}

// metaUnsynced reports whether the last write to the file was one of a meta page, and was not synced.
func (r *record) metaUnsynced() bool {
	for _, m := range slices.Backward(r.moments) {
		switch {
		case m.name == "pwrite64":
			return m.returned && m.number(3) < metaPages
		case m.name == "fdatasync" && m.returned && m.succeeded():
			return false
		}
	}
	return false
}

// metaPages is the offset at which bbolt's two meta pages end.
const metaPages = 8192

// round makes each user send some callbacks, with a random mode of the backend.
func (l *load) round(b *backend, r *rand.Rand) {
	b.set([]mode{up, up, down, reset}[r.IntN(4)])
	b.setFor(l.users[0].name, []mode{up, refuse, refuse}[r.IntN(3)]) // refusing makes dead letters
	l.pad = []int{0, 0, 300, 3000, 20 << 10}[r.IntN(5)]
	l.sendAll(1 + r.IntN(3))
	time.Sleep(between(r, 0, 60*time.Millisecond))
}

// replay replays the dead letters.
func (s *server) replay(t *testing.T, r *record) {
	t.Helper()
	url := fmt.Sprintf("http://localhost:%d/tim_callback/queues/default/dead", s.admin)
	resp, err := adminClient.Get(url + "?limit=100")
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var letters []struct {
		ID string `json:"id"`
	}
	if err := json.NewDecoder(resp.Body).Decode(&letters); err != nil {
		t.Fatal(err)
	}
	if len(letters) == 0 {
		return
	}
	var ids struct {
		IDs []string `json:"ids"`
	}
	for _, letter := range letters {
		r.replayed[letter.ID] = true
		ids.IDs = append(ids.IDs, letter.ID)
	}
	text, err := json.Marshal(ids)
	if err != nil {
		t.Fatal(err)
	}
	resp, err = adminClient.Post(url+"/replay", "application/json", bytes.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("replaying: %s", resp.Status)
	}
}

// killServer kills the server, if it still runs, and adds its trace to the record.
func (r *record) killServer(t *testing.T, s *server, trace string) {
	t.Helper()
	pid := s.cmd.Process.Pid
	s.kill()
	r.starts = append(r.starts, len(r.moments)+1)
	moments := r.relevant(t, s, readTrace(t, trace, pid))
	r.moments = append(r.moments, r.resolveKilledWrites(t, moments)...)
	if err := os.Remove(trace); err != nil {
		t.Fatal(err)
	}
}

// resolveKilledWrites finds out how much was written by calls during which the process was killed,
// by reading the file, as the next server does. The trace may not show that such a call has
// returned, or show a result that is not its own. But it has returned before anything else is
// written, so this is added.
func (r *record) resolveKilledWrites(t *testing.T, moments []moment) []moment {
	t.Helper()
	var last *call
	returned := make(map[*call]bool)
	for _, m := range moments {
		returned[m.call] = returned[m.call] || m.returned
		if m.name == "pwrite64" && !m.returned {
			last = m.call
		}
	}
	for _, m := range moments {
		if !returned[m.call] && m.name == "pwrite64" {
			moments = append(moments, moment{m.call, true})
		}
	}
	for _, m := range moments {
		if !m.returned || m.name != "pwrite64" || m.call != last && m.result == strconv.Itoa(len(m.data)) {
			continue
		}
		content, err := os.ReadFile(r.path)
		if err != nil {
			t.Fatal(err)
		}
		content = content[min(m.number(3), int64(len(content))):]
		n := 0
		for n < len(m.data) && n < len(content) && m.data[n] == content[n] {
			n++
		}
		m.data = m.data[:n&^(sector-1)]
		m.result = strconv.Itoa(len(m.data))
	}
	return moments
}

// relevant removes the calls that concern neither the file nor answers.
func (r *record) relevant(t *testing.T, s *server, moments []moment) []moment {
	t.Helper()
	return slices.DeleteFunc(moments, func(m moment) bool {
		switch m.name {
		case "mkdirat":
			return !strings.HasPrefix(r.path, m.target(1)+"/")
		case "fsync", "fdatasync":
			return !strings.HasPrefix(r.path+"/", m.on+"/") && !m.touches(r.path)
		case "read":
			own, other := m.ports()
			return own == "" || other == "" || !strings.HasSuffix(s.backend, ":"+other)
		case "write", "writev":
			own, other := m.ports()
			return !m.touches(r.path) && own != fmt.Sprint(s.port) && !strings.HasSuffix(s.backend, ":"+other)
		}
		return !m.touches(r.path)
	})
}

// anyMoment returns a random moment. Every tenth time it is one soon after a start of the server.
func (r *record) anyMoment(chance *rand.Rand) int {
	if chance.IntN(10) == 0 {
		start := r.starts[chance.IntN(len(r.starts))]
		return min(start+chance.IntN(80), len(r.moments))
	}
	return 1 + chance.IntN(len(r.moments))
}

// checkCuts simulates power cuts at these moments, and checks the files that they leave. It returns
// the sum of what was found.
func (r *record) checkCuts(t *testing.T, chance *rand.Rand, cuts []int) (all found) {
	t.Helper()
	slices.Sort(cuts)
	type job struct {
		at   int
		left *remains
		disk string
	}
	jobs := make(chan job, 4)
	var wg sync.WaitGroup
	var mu sync.Mutex
	checked, failed := 0, 0
	start := time.Now()
	for range 2 {
		dir := memoryDir(t)
		wg.Go(func() {
			for j := range jobs {
				have, err := r.checkRemains(filepath.Join(dir, "queue.db"), j.left, j.at)
				mu.Lock()
				checked++
				all.waiting += have.waiting
				all.dead += have.dead
				all.required += have.required
				if err != nil {
					if failed++; failed <= 5 {
						t.Errorf("power cut at moment %d of %d, %s: %v\nthe disk: %s\nbefore it: %s", j.at, len(r.moments), j.left.how, err, j.disk, r.before(j.at))
					}
				}
				mu.Unlock()
			}
		})
	}
	d := newDisk(r.path)
	fatesOf, unsynced := make(map[string]int), 0
	for _, at := range cuts {
		for d.now < at {
			if err := d.process(r.moments[d.now]); err != nil {
				t.Error(err)
				break
			}
		}
		if d.now < at {
			break
		}
		left := d.cut(chance, fates[chance.IntN(len(fates))])
		fatesOf[left.how]++
		if len(d.changes) > 0 {
			unsynced++
		}
		jobs <- job{at, left, d.String()}
	}
	close(jobs)
	wg.Wait()
	t.Logf("%d power cuts in %s, %d of them with unsynced changes, %d with errors: %v; found %d waiting and %d dead events; %d events had to be there",
		checked, time.Since(start).Round(time.Millisecond), unsynced, failed, fatesOf, all.waiting, all.dead, all.required)
	if !t.Failed() && (unsynced < len(cuts)/10 || all.waiting == 0 || all.required == 0) {
		t.Error("the test shows nothing")
	}
	return all
}

// checkRemains writes the file that a power cut leaves, and checks it.
func (r *record) checkRemains(path string, left *remains, now int) (found, error) {
	if left.gone {
		if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
			return found{}, err
		}
		return r.check(path, now)
	}
	f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
	if err != nil {
		return found{}, err
	}
	defer f.Close()
	if _, err := f.WriteAt(left.image, 0); err != nil {
		return found{}, err
	}
	// this removes what a previous file had after the end of this one
	if err := errors.Join(f.Truncate(int64(len(left.image))), f.Truncate(left.size)); err != nil {
		return found{}, err
	}
	return r.check(path, now)
}

func (r *record) before(now int) string {
	var text strings.Builder
	for i := max(now-12, 0); i < now; i++ {
		fmt.Fprintf(&text, "\n\t%d %s", i+1, r.moments[i])
	}
	return text.String()
}

// mustNotice checks that the check itself works: it must fail for a disk that loses data. lie
// returns how the disk loses an event of which storedAt tells when it was written.
func (r *record) mustNotice(t *testing.T, chance *rand.Rand, storedAt func(id string, now int) int, lie func(stored int) (distrust func(moment, int) bool, fate string)) {
	dir := memoryDir(t)
	ids := make([]string, 0, len(r.answered))
	for id := range r.answered {
		ids = append(ids, id)
	}
	slices.Sort(ids)
	chance.Shuffle(len(ids), func(i, j int) { ids[i], ids[j] = ids[j], ids[i] })
	tried := 0
	for _, id := range ids {
		at := r.answered[id]
		if delivered := r.delivered[id]; delivered != 0 && delivered <= at || tried == max(powerCuts/60, 5) {
			continue
		}
		stored := storedAt(id, at)
		if stored == 0 {
			continue
		}
		tried++
		d := newDisk(r.path)
		var fate string
		d.distrust, fate = lie(stored)
		for d.now < at {
			if err := d.process(r.moments[d.now]); err != nil {
				t.Fatal(err)
			}
		}
		_, err := r.checkRemains(filepath.Join(dir, "queue.db"), d.cut(chance, fate), at)
		if err == nil {
			t.Errorf("the loss of %v was not noticed, which was written at %d and answered at %d", r.sent[id], stored, at)
		} else if tried == 1 {
			t.Log(err)
		}
	}
	if tried < 5 {
		t.Errorf("only %d events were tried", tried)
	}
}

// stored returns the moment when the last write of an event before the moment now began. It returns
// 0 if there is none, or if its transaction had not ended.
func (r *record) stored(id string, now int) (at int) {
	ended := 0 // 1 after the write of the meta page, 2 after its sync
	for i, m := range r.moments[:now] {
		switch {
		case m.name == "pwrite64" && !m.returned && bytes.Contains(m.data, []byte(id)):
			at, ended = i+1, 0
		case m.name == "pwrite64" && !m.returned && m.number(3) < metaPages && ended == 0:
			ended = 1
		case m.name == "fdatasync" && m.returned && ended == 1:
			ended = 2
		}
	}
	if ended < 2 {
		return 0
	}
	return at
}

// firstStored is stored for the first write of an event.
func (r *record) firstStored(id string, now int) (at int) {
	if r.stored(id, now) == 0 {
		return 0
	}
	for i, m := range r.moments[:now] {
		if m.name == "pwrite64" && !m.returned && bytes.Contains(m.data, []byte(id)) {
			return i + 1
		}
	}
	return 0
}

// memoryDir returns a temporary folder, in memory if possible: it does not matter for the test
// where these files are.
func memoryDir(t *testing.T) string {
	t.Helper()
	dir, err := os.MkdirTemp("/dev/shm", "faulttest")
	if err != nil {
		return t.TempDir()
	}
	t.Cleanup(func() { os.RemoveAll(dir) })
	return dir
}
