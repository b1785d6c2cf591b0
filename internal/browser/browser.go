// Package browser drives a headless Chromium, for tests of pages.
package browser

import (
	"bufio"
	"encoding/base64"
	"encoding/json"
	"os"
	"os/exec"
	"sync"
	"testing"
	"time"
)

// Browser is a headless Chromium, which a test drives through a pipe with Chromium's DevTools protocol.
type Browser struct {
	T *testing.T // the test that drives it now

	to      *os.File
	session string

	mu      sync.Mutex
	last    int
	waiting map[int]chan answer
	failed  []string // what a page has complained about
	loaded  chan struct{}
	gone    chan struct{}
}

type answer struct {
	Result json.RawMessage
	Error  *struct{ Message string }
}

// Start starts Chromium. Without one the test is skipped, unless TIM_CALLBACK_NEED_CHROMIUM is set.
func Start(t *testing.T) *Browser {
	t.Helper()
	var path string
	for _, name := range []string{"chromium", "chromium-browser", "google-chrome"} {
		if found, err := exec.LookPath(name); err == nil && path == "" {
			path = found
		}
	}
	if path == "" {
		if os.Getenv("TIM_CALLBACK_NEED_CHROMIUM") != "" {
			t.Fatal("there is no chromium")
		}
		t.Skip("NOT TESTED: the page in a browser, since there is no chromium")
	}
	home := t.TempDir()
	in, to, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	from, out, err := os.Pipe()
	if err != nil {
		t.Fatal(err)
	}
	cmd := exec.Command(path, "--headless", "--no-sandbox", "--remote-debugging-pipe", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
		"--ignore-certificate-errors", "--hide-scrollbars", "--force-color-profile=srgb", "--disable-background-networking", "--user-data-dir="+home)
	cmd.ExtraFiles = []*os.File{in, out} // 3 and 4
	cmd.Env = append(os.Environ(), "HOME="+home, "TZ=UTC")
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	in.Close()
	out.Close()
	b := &Browser{T: t, to: to, waiting: make(map[int]chan answer), loaded: make(chan struct{}, 1), gone: make(chan struct{})}
	go b.read(from)
	t.Cleanup(func() {
		b.send("Browser.close", nil)
		ended := make(chan struct{})
		go func() {
			_ = cmd.Wait()
			close(ended)
		}()
		select {
		case <-ended:
		case <-time.After(10 * time.Second):
			_ = cmd.Process.Kill()
			<-ended
		}
		to.Close()
		<-b.gone
	})
	var target struct{ TargetID string }
	b.call("Target.createTarget", map[string]any{"url": "about:blank"}, &target)
	var attached struct{ SessionID string }
	b.call("Target.attachToTarget", map[string]any{"targetId": target.TargetID, "flatten": true}, &attached)
	b.session = attached.SessionID
	for _, domain := range []string{"Page", "Runtime", "Log", "Network"} {
		b.call(domain+".enable", nil, nil)
	}
	return b
}

// read takes what Chromium sends.
func (b *Browser) read(from *os.File) {
	defer close(b.gone)
	defer from.Close()
	for r := bufio.NewReader(from); ; {
		text, err := r.ReadBytes(0)
		if err != nil {
			return
		}
		var m struct {
			ID     int
			Method string
			Params json.RawMessage
			answer
		}
		if json.Unmarshal(text[:len(text)-1], &m) != nil {
			continue
		}
		b.mu.Lock()
		switch {
		case m.ID != 0:
			if waiting := b.waiting[m.ID]; waiting != nil {
				waiting <- m.answer
				delete(b.waiting, m.ID)
			}
		case m.Method == "Page.loadEventFired":
			select {
			case b.loaded <- struct{}{}:
			default:
			}
		case m.Method == "Log.entryAdded", m.Method == "Runtime.exceptionThrown", m.Method == "Page.javascriptDialogOpening":
			b.failed = append(b.failed, string(m.Params))
		}
		b.mu.Unlock()
	}
}

func (b *Browser) send(method string, params any) (int, chan answer) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.last++
	m := map[string]any{"id": b.last, "method": method}
	if params != nil {
		m["params"] = params
	}
	if b.session != "" && method != "Browser.close" {
		m["sessionId"] = b.session
	}
	text, err := json.Marshal(m)
	if err != nil {
		panic(err)
	}
	got := make(chan answer, 1)
	b.waiting[b.last] = got
	_, _ = b.to.Write(append(text, 0))
	return b.last, got
}

// call calls a method of the protocol.
func (b *Browser) call(method string, params, result any) {
	b.T.Helper()
	_, got := b.send(method, params)
	select {
	case a := <-got:
		if a.Error != nil {
			b.T.Fatalf("chromium, %s: %s", method, a.Error.Message)
		}
		if result != nil {
			if err := json.Unmarshal(a.Result, result); err != nil {
				b.T.Fatal(err)
			}
		}
	case <-b.gone:
		b.T.Fatalf("chromium has ended before %s", method)
	case <-time.After(60 * time.Second):
		b.T.Fatalf("chromium does not answer %s", method)
	}
}

// Screen sets how wide the window is, and whether it is dark.
func (b *Browser) Screen(wide int, dark bool, language string) {
	b.T.Helper()
	scheme := "light"
	if dark {
		scheme = "dark"
	}
	b.call("Emulation.setDeviceMetricsOverride", map[string]any{"width": wide, "height": 900, "deviceScaleFactor": 1, "mobile": wide < 600}, nil)
	b.call("Emulation.setEmulatedMedia", map[string]any{"features": []any{map[string]any{"name": "prefers-color-scheme", "value": scheme}}}, nil)
	b.call("Network.setExtraHTTPHeaders", map[string]any{"headers": map[string]any{"Accept-Language": language}}, nil)
}

// Open opens a page.
func (b *Browser) Open(url string) {
	b.T.Helper()
	b.load(url, func() {
		var navigated struct{ ErrorText string }
		b.call("Page.navigate", map[string]any{"url": url}, &navigated)
		if navigated.ErrorText != "" {
			b.T.Fatalf("%s: %s", url, navigated.ErrorText)
		}
	})
}

// Follow evaluates an expression that opens another page, as a click on a link does, and waits for that page.
func (b *Browser) Follow(expression string) {
	b.T.Helper()
	// afterwards, since a page that is left while it evaluates an expression gives no answer
	b.load(expression, func() { Eval[int](b, "setTimeout(() => {"+expression+"})") })
}

// load waits for the page that open opens.
func (b *Browser) load(what string, open func()) {
	b.T.Helper()
	select {
	case <-b.loaded:
	default:
	}
	open()
	select {
	case <-b.loaded:
	case <-time.After(60 * time.Second):
		b.T.Fatalf("%s: no page is loaded", what)
	}
}

// Eval returns the value of an expression in the page.
func Eval[T any](b *Browser, expression string) T {
	b.T.Helper()
	var got struct {
		Result           struct{ Value T }
		ExceptionDetails *struct{ Text string }
	}
	b.call("Runtime.evaluate", map[string]any{"expression": expression, "returnByValue": true, "awaitPromise": true, "userGesture": true}, &got)
	if got.ExceptionDetails != nil {
		b.T.Fatalf("%s: %s", expression, got.ExceptionDetails.Text)
	}
	return got.Result.Value
}

// Picture takes a picture of the whole page, at most so high.
func (b *Browser) Picture(wide, most int) []byte {
	b.T.Helper()
	tall := min(Eval[int](b, "document.documentElement.scrollHeight"), most)
	var got struct{ Data string }
	b.call("Page.captureScreenshot", map[string]any{"format": "png", "captureBeyondViewport": true, "clip": map[string]any{"x": 0, "y": 0, "width": wide, "height": tall, "scale": 1}}, &got)
	png, err := base64.StdEncoding.DecodeString(got.Data)
	if err != nil {
		b.T.Fatal(err)
	}
	return png
}

// Complaints returns what pages have complained about: blocked content, errors of the script, dialogs.
func (b *Browser) Complaints() []string {
	b.mu.Lock()
	defer b.mu.Unlock()
	failed := b.failed
	b.failed = nil
	return failed
}

// Allow gives the pages of a site permissions.
func (b *Browser) Allow(site string, permissions ...string) {
	b.T.Helper()
	b.call("Browser.grantPermissions", map[string]any{"origin": site, "permissions": permissions}, nil)
}

// Script switches the scripts of pages on or off.
func (b *Browser) Script(on bool) {
	b.T.Helper()
	b.call("Emulation.setScriptExecutionDisabled", map[string]any{"value": !on}, nil)
}

// Text returns what people see of the page.
func (b *Browser) Text() string {
	b.T.Helper()
	return Eval[string](b, "document.body.innerText")
}
