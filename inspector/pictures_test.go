package inspector

import (
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"go.uber.org/zap"

	"github.com/d13c7061/caddy-tim-callback/internal/browser"
)

// newInspector returns an inspector with a source of the test, which answers everybody.
func newInspector(from source) *Inspector {
	i := &Inspector{AllowRemote: true, Payloads: true, source: from, logger: zap.NewNop(), now: func() time.Time { return now }}
	i.ended, i.end = testContext()
	return i
}

// serveFake serves an inspector under a prefix, which is removed as handle_path does.
func serveFake(t *testing.T, from source) string {
	t.Helper()
	return serveInspector(t, newInspector(from))
}

func serveInspector(t *testing.T, i *Inspector) string {
	t.Helper()
	s := httptest.NewServer(http.StripPrefix("/ops", http.HandlerFunc(i.serve)))
	t.Cleanup(func() {
		i.end()
		s.Close()
	})
	return s.URL + "/ops/"
}

// TestPictures looks at every page in a browser, wide and narrow, in both languages, light and dark. No page
// may be wider than the window, or complain. With TIM_CALLBACK_PICTURES set to a folder the pictures are
// kept there, to be looked at.
func TestPictures(t *testing.T) {
	b := browser.Start(t)
	folder := os.Getenv("TIM_CALLBACK_PICTURES")
	sites := map[string]string{"empty": serveFake(t, &fake{}), "off": serveFake(t, &fake{off: true}), "busy": serveFake(t, busy()), "hostile": serveFake(t, hostile())}
	pages := []struct{ site, name, page string }{
		{"empty", "overview", ""}, {"empty", "recent", "recent"}, {"off", "overview", ""},
		{"busy", "overview", ""}, {"busy", "recent", "recent"}, {"busy", "wrong", "recent?since=yesterday&command=x&result=ok"}, {"busy", "dead", "queue?queue=default&state=dead"},
		{"busy", "event", "event?id=" + id(0)}, {"busy", "waiting", "event?id=" + id(5)}, {"busy", "search", "search?q=user_44"}, {"busy", "nobody", "search?q=nobody"}, {"busy", "callback", "callback?n=3"},
		{"hostile", "overview", ""}, {"hostile", "recent", "recent"}, {"hostile", "event", "event?id=" + url.QueryEscape(nasty[0])}, {"hostile", "long", "event?id=" + url.QueryEscape(nasty[11])},
		{"hostile", "search", "search?q=" + url.QueryEscape(nasty[8])}, {"hostile", "queue", "queue?queue=" + url.QueryEscape(nasty[8])}, {"hostile", "callback", "callback?n=28"},
	}
	for _, screen := range []struct {
		wide     int
		dark     bool
		language string
	}{{1280, false, "en"}, {390, false, "en"}, {1280, true, "zh-CN,zh;q=0.9"}, {390, true, "zh-CN"}} {
		b.Screen(screen.wide, screen.dark, screen.language)
		for _, p := range pages {
			name := fmt.Sprintf("%s-%s-%d-%s", p.site, p.name, screen.wide, screen.language[:2])
			t.Run(name, func(t *testing.T) {
				b.T = t
				b.Open(sites[p.site] + p.page)
				if wide := browser.Eval[int](b, "document.documentElement.scrollWidth"); wide > screen.wide {
					t.Errorf("the page is %d wide", wide)
				}
				if low := browser.Eval[[]string](b, lowContrast); len(low) > 0 {
					t.Errorf("text with too little contrast: %q", low)
				}
				if browser.Eval[int](b, "document.scripts.length") != 1 || browser.Eval[int](b, "document.images.length") != 0 {
					t.Error("something has broken out")
				}
				if folder != "" {
					if err := os.WriteFile(filepath.Join(folder, name+".png"), b.Picture(screen.wide, 2400), 0o600); err != nil {
						t.Fatal(err)
					}
				}
				for _, complaint := range b.Complaints() {
					if !strings.Contains(complaint, "the server responded with a status of 4") { // as it should
						t.Error(complaint)
					}
				}
			})
		}
		b.T = t
	}
}

// lowContrast finds elements whose own text has less contrast than WCAG 2.2 AA wants.
const lowContrast = `(() => {
	const parse = (c) => (c.match(/[\d.]+/g) || []).map(Number);
	const light = ([r, g, b]) => [r, g, b].map((v) => (v /= 255) <= 0.04045 ? v / 12.92 : ((v + 0.055) / 1.055) ** 2.4).reduce((sum, v, n) => sum + v * [0.2126, 0.7152, 0.0722][n], 0);
	const back = (e) => { for (; e; e = e.parentElement) { const c = parse(getComputedStyle(e).backgroundColor); if (c.length === 3 || c[3] === 1) return c; } return [255, 255, 255]; };
	const low = [];
	for (const e of document.querySelectorAll("body *")) {
		if (![...e.childNodes].some((n) => n.nodeType === 3 && n.data.trim()) || e.closest("svg, [hidden]")) continue;
		const [a, b] = [light(parse(getComputedStyle(e).color)), light(back(e))].sort((x, y) => y - x);
		if ((a + 0.05) / (b + 0.05) < 4.5) low.push(e.tagName + " " + e.textContent.trim().slice(0, 40));
	}
	return low.slice(0, 5);
})()`
