package inspector

import (
	"context"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
	"golang.org/x/net/html"
)

// get asks for a page, with headers as pairs of a name and a value.
func get(t *testing.T, i *Inspector, target string, headers ...string) *httptest.ResponseRecorder {
	t.Helper()
	r := httptest.NewRequest(http.MethodGet, "/", nil)
	var err error
	if r.URL, err = url.Parse(target); err != nil {
		t.Fatal(err)
	}
	for n := 0; n < len(headers); n += 2 {
		r.Header.Set(headers[n], headers[n+1])
	}
	w := httptest.NewRecorder()
	i.serve(w, r)
	return w
}

func TestMethods(t *testing.T) {
	i := newInspector(busy())
	for _, method := range []string{"POST", "PUT", "DELETE", "PATCH", "OPTIONS", "TRACE", "CONNECT", "get", "X"} {
		r := httptest.NewRequest(http.MethodGet, "/recent", nil)
		r.Method = method
		w := httptest.NewRecorder()
		if i.serve(w, r); w.Code != http.StatusMethodNotAllowed || w.Header().Get("Allow") != "GET, HEAD" {
			t.Errorf("%s: %d, Allow %q", method, w.Code, w.Header().Get("Allow"))
		}
	}
}

func TestHeaders(t *testing.T) {
	i := newInspector(busy())
	refusing := newInspector(busy())
	refusing.AllowRemote = false
	for _, page := range []string{"/", "/recent", "/recent?since=x", "/event?id=1", "/queue?queue=default", "/queue?queue=none", "/search?q=x", "/callback?n=1", "/x.png", "/x", "/" + assetNames["script.js"]} {
		for _, i := range []*Inspector{i, refusing} {
			w := httptest.NewRecorder()
			i.serve(w, from(http.MethodGet, page, "203.0.113.7:1", "203.0.113.7"))
			h := w.Header()
			if h.Get("Content-Security-Policy") != policy || h.Get("X-Content-Type-Options") != "nosniff" || h.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s: %v", page, h)
			}
			if cache := h.Get("Cache-Control"); cache != "no-store" && (!strings.Contains(page, "-") || w.Code != http.StatusOK) {
				t.Errorf("%s: Cache-Control %q", page, cache)
			}
		}
	}
}

func TestAssets(t *testing.T) {
	i := newInspector(busy())
	for file, name := range assetNames {
		if !regexp.MustCompile(`^[a-z]+-[0-9a-f]{12}\.[a-z]+$`).MatchString(name) {
			t.Errorf("%s is served as %s", file, name)
		}
		w := get(t, i, "/ops/"+name)
		if w.Code != http.StatusOK || !strings.Contains(w.Header().Get("Cache-Control"), "immutable") || w.Header().Get("Content-Type") == "" || w.Body.Len() == 0 {
			t.Errorf("%s: %d %v", name, w.Code, w.Header())
		}
		if again := get(t, i, "/"+name, "If-None-Match", w.Header().Get("ETag")); again.Code != http.StatusNotModified || again.Body.Len() > 0 {
			t.Errorf("%s again: %d", name, again.Code)
		}
		if other := get(t, i, "/"+file); other.Code != http.StatusNotFound {
			t.Errorf("%s without a hash: %d", file, other.Code)
		}
	}
}

// TestPrefix asks for pages as they come after handle_path, after handle, and at the root. Every link must
// lead to a page.
func TestPrefix(t *testing.T) {
	for _, tc := range []struct{ original, path, redirect string }{
		{"/", "/", ""}, {"/ops/", "/", ""}, {"/ops/", "/ops/", ""}, {"/a/b%20c/", "/a/b c/", ""}, {"/ops//", "/ops//", ""}, {"/ops/", "", ""},
		{"/ops", "/", "./ops/"}, {"/ops", "", "./ops/"}, {"/ops", "/ops", "./ops/"}, {"/ops?lang=zh", "/ops", "./ops/?lang=zh"}, {"/a/b%20c", "/a/b c", "./b%20c/"},
		{"/x/javascript:alert(1)", "/x/javascript:alert(1)", "./javascript:alert%281%29/"}, {`/x/%5Cevil`, `/x/\evil`, "./%5Cevil/"}, {"//evil", "//evil", "./evil/"},
	} {
		original := httptest.NewRequest(http.MethodGet, "http://localhost"+tc.original, nil)
		r := httptest.NewRequest(http.MethodGet, "http://localhost/", nil)
		r.URL = &url.URL{Path: tc.path, RawQuery: original.URL.RawQuery}
		r = r.WithContext(context.WithValue(r.Context(), caddyhttp.OriginalRequestCtxKey, *original))
		w := httptest.NewRecorder()
		newInspector(busy()).serve(w, r)
		location := w.Header().Get("Location")
		if want := http.StatusOK; tc.redirect == "" && w.Code != want || location != tc.redirect {
			t.Errorf("%s, which became %q: %d, Location %q, want %q", tc.original, tc.path, w.Code, location, tc.redirect)
		}
		if location == "" {
			continue
		}
		to, err := original.URL.Parse(location)
		if err != nil || to.Host != "localhost" || strings.TrimSuffix(to.Path, "/") != strings.TrimPrefix(original.URL.Path, "/evil") && !strings.HasSuffix(original.URL.Path, "/evil") {
			t.Errorf("%s leads to %v, %v", tc.original, to, err)
		}
	}
}

// TestLinks follows all links from the overview on, under several prefixes and in both languages.
func TestLinks(t *testing.T) {
	for _, prefix := range []string{"/", "/ops/", "/a/b%20c/"} {
		for _, query := range []string{"", "?lang=zh"} {
			i := newInspector(busy())
			seen := map[string]bool{}
			for open := []string{prefix + query}; len(open) > 0; open = open[1:] {
				if seen[open[0]] {
					continue
				}
				seen[open[0]] = true
				w := get(t, i, open[0])
				if w.Code != http.StatusOK && w.Code != http.StatusSeeOther {
					t.Errorf("%s: %d", open[0], w.Code)
				}
				here, err := url.Parse(open[0])
				if err != nil {
					t.Fatal(err)
				}
				links := linksOf(t, w.Body.String())
				if w.Code == http.StatusSeeOther {
					links = []string{w.Header().Get("Location")}
				}
				for _, link := range links {
					to, err := here.Parse(link)
					if err != nil || !strings.HasPrefix(to.EscapedPath(), prefix) {
						t.Fatalf("%s has a link to %s, %v", here, link, err)
					}
					if query != "" && strings.HasPrefix(link, "./") && !strings.Contains(link, "lang=") && !strings.Contains(link, "-") {
						t.Errorf("%s has a link that loses the language: %s", here, link)
					}
					if to.Fragment == "" && len(seen)+len(open) < 150 && !strings.Contains(link, "stream") {
						open = append(open, to.String())
					}
				}
			}
			if len(seen) < 50 {
				t.Errorf("only %d pages", len(seen))
			}
		}
	}
}

func linksOf(t *testing.T, page string) (links []string) {
	t.Helper()
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		if z.Next() == html.ErrorToken {
			return links
		}
		for _, a := range z.Token().Attr {
			if slices.Contains([]string{"href", "src"}, a.Key) {
				links = append(links, a.Val)
			}
		}
	}
}

func TestLanguage(t *testing.T) {
	i := newInspector(busy())
	for _, tc := range []struct{ query, accept, want string }{
		{"", "", "en"}, {"", "zh", "zh-CN"}, {"", "zh-CN,zh;q=0.9,en;q=0.8", "zh-CN"}, {"", "en-GB,zh;q=0.5", "en"}, {"", "zh-Hant-TW", "zh-CN"}, {"", "fr,zh;q=0.5", "zh-CN"},
		{"", "fr", "en"}, {"", "*", "en"}, {"", "\x00;;q=zh", "en"}, {"", strings.Repeat("zh,", 5000), "en"},
		{"?lang=zh", "en", "zh-CN"}, {"?lang=en", "zh", "en"}, {"?lang=fr", "zh", "zh-CN"}, {"?lang=<script>", "", "en"},
	} {
		w := get(t, i, "/recent"+tc.query, "Accept-Language", tc.accept)
		if got := w.Header().Get("Content-Language"); got != tc.want || !strings.Contains(w.Body.String(), `<html lang="`+tc.want+`">`) || w.Header().Get("Vary") != "Accept-Language" {
			t.Errorf("%q, %.40q: %s, want %s", tc.query, tc.accept, got, tc.want)
		}
	}
}

// TestTexts wants each text in both languages, with the same verbs, and no key that a template uses
// without a text.
func TestTexts(t *testing.T) {
	verb := regexp.MustCompile(`%(?:\[\d\])?(\.?\d?[a-z])`)
	verbs := func(s string) (all []string) {
		for _, m := range verb.FindAllStringSubmatch(s, -1) {
			all = append(all, m[1])
		}
		slices.Sort(all)
		return all
	}
	for key, text := range texts {
		if text[english] == "" || text[chinese] == "" || !slices.Equal(verbs(text[english]), verbs(text[chinese])) {
			t.Errorf("%s: %q", key, text)
		}
	}
	files, err := embedded.ReadDir("templates")
	if err != nil {
		t.Fatal(err)
	}
	for _, file := range files {
		content, err := embedded.ReadFile("templates/" + file.Name())
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range regexp.MustCompile(`\.T "(\w+)"`).FindAllSubmatch(content, -1) {
			if _, ok := texts[string(m[1])]; !ok {
				t.Errorf("%s: there is no text %s", file.Name(), m[1])
			}
		}
	}
	for _, result := range results() {
		if _, ok := texts["word_"+wordOf(result)]; !ok {
			t.Errorf("there is no word for %s", result)
		}
	}
	for _, state := range append(queueStates, stateRetried) {
		if _, ok := texts["word_"+state]; !ok {
			t.Errorf("there is no word for %s", state)
		}
	}
}
