package inspector

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"golang.org/x/net/html"
)

// allowed are the elements that pages are made of.
var allowed = strings.Fields(`html head meta title link script body a header nav form label input button main h1 h2 h3 section p ul li dl div dt dd span svg line rect
	figure figcaption table thead tr th tbody td bdi code pre time footer select option`)

// checkPage holds a page to be made of the elements that it may have, none of them with a style or a script of
// its own, and to have no character that cannot be seen.
func checkPage(t *testing.T, name, page string) {
	t.Helper()
	if !utf8.ValidString(page) {
		t.Errorf("%s is not UTF-8", name)
	}
	var open []string
	for z := html.NewTokenizer(strings.NewReader(page)); ; {
		kind := z.Next()
		if kind == html.ErrorToken {
			break
		}
		token := z.Token()
		switch kind {
		case html.TextToken:
			for _, r := range token.Data {
				if r != '\n' && r != '\t' && hidden(r) {
					t.Errorf("%s: %q has %U", name, token.Data, r)
				}
			}
		case html.StartTagToken:
			if token.Data != "meta" && token.Data != "link" && token.Data != "input" {
				open = append(open, token.Data)
			}
			fallthrough
		case html.SelfClosingTagToken:
			if !slices.Contains(allowed, token.Data) {
				t.Errorf("%s has an element %s", name, token.Data)
			}
			for _, a := range token.Attr {
				if a.Key == "style" || strings.HasPrefix(a.Key, "on") || slices.Contains([]string{"href", "src", "action"}, a.Key) && !strings.HasPrefix(a.Val, "./") && a.Val != "#main" {
					t.Errorf("%s has <%s %s=%q>", name, token.Data, a.Key, a.Val)
				}
			}
		case html.EndTagToken:
			if len(open) == 0 || open[len(open)-1] != token.Data {
				t.Fatalf("%s closes %s in %v", name, token.Data, open)
			}
			open = open[:len(open)-1]
		}
	}
	if len(open) > 0 {
		t.Errorf("%s does not close %v", name, open)
	}
	if strings.Count(page, "<script") != 1 || strings.Contains(page, "ZgotmplZ") {
		t.Errorf("%s has %d scripts, or a value in a wrong place", name, strings.Count(page, "<script"))
	}
}

// TestHostile has markup, control characters, and broken UTF-8 in every field and every parameter.
func TestHostile(t *testing.T) {
	i := newInspector(hostile())
	pages := []string{"/", "/recent"}
	for _, s := range nasty {
		e := url.QueryEscape(s)
		pages = append(pages, "/event?id="+e, "/search?q="+e, "/queue?queue="+e, "/queue?queue="+e+"&subject="+e+"&command="+e+"&state="+e+"&id="+e,
			"/recent?subject="+e, "/recent?result="+e+"&command="+e+"&id="+e+"&since="+e+"&until="+e+"&before="+e+"&lang="+e, "/event?id=1&queue="+e, "/callback?n="+e, "/"+e, "/"+e+".x")
	}
	for n := range 2 * len(nasty) {
		pages = append(pages, "/callback?n="+string(rune('0'+n/10))+string(rune('0'+n%10)))
	}
	shown := 0
	for _, page := range pages {
		for _, lang := range []string{"en", "zh"} {
			w := get(t, i, page, "Accept-Language", lang)
			switch {
			case w.Code >= 500:
				t.Errorf("%s: %d", page, w.Code)
			case w.Body.Len() > 0:
				shown++
				checkPage(t, page, w.Body.String())
			}
		}
	}
	if shown < 2*len(nasty) {
		t.Errorf("only %d pages were shown", shown)
	}
}

func TestVisible(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "id1": "id1", "小明": "小明", " ": "␣", " a b ": "␣a b␣", "a\nb\r\t": `a‹\n›b‹\r›‹\t›`, "\x00\x1b": "‹U+0000›‹U+001B›",
		"\xff\xfe": "‹0xFF›‹0xFE›", "\uFFFD": "\uFFFD", "\xef": "‹0xEF›", "\u202Eabc": "‹U+202E›abc", "👨\u200D👩": "👨\u200D👩", "a\u2028b": "a‹U+2028›b", "\u00a0": "‹U+00A0›", "\u3164": "‹U+3164›",
	} {
		if got := visible(s); got != want {
			t.Errorf("%q: %s, want %s", s, got, want)
		}
	}
	if got := pretty([]byte("{\"n\":123456789012345678901234567890,\"a\":[1.0,\"\u202E\"]}")); got != "{\n  \"n\": 123456789012345678901234567890,\n  \"a\": [\n    1.0,\n    \"‹U+202E›\"\n  ]\n}" {
		t.Error(got)
	}
}

// FuzzQuery asks for every page with parameters of all kinds.
func FuzzQuery(f *testing.F) {
	for _, s := range nasty {
		f.Add("recent", "subject="+url.QueryEscape(s))
		f.Add("event", "id="+url.QueryEscape(s)+"&lang=zh")
	}
	f.Add("recent", "result=refused&command=Group.*&since=2h&until=2026-01-31T08:00Z&before=18446744073709551615")
	f.Add("queue", "queue=default&state=dead&after=1&since=65535d")
	f.Add("search", "q=abcdef&q=%zz;")
	f.Add("callback", "n=3")
	i := newInspector(busy())
	f.Fuzz(func(t *testing.T, page, query string) {
		if page == pageStream {
			return
		}
		r := from(http.MethodGet, "/", "127.0.0.1:1", "127.0.0.1")
		r.URL = &url.URL{Path: "/" + page, RawQuery: query}
		w := newRecorder()
		i.serve(w, r)
		if w.Code >= 500 {
			t.Errorf("%d", w.Code)
		}
		if location := w.Header().Get("Location"); location != "" && !strings.HasPrefix(location, "./") {
			t.Errorf("it leads to %s", location)
		}
		if strings.HasPrefix(w.Header().Get("Content-Type"), "text/html") {
			checkPage(t, page+"?"+query, w.Body.String())
		}
	})
}
