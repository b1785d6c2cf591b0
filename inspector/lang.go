package inspector

import (
	"fmt"
	"net/http"

	"golang.org/x/text/language"

	"github.com/d13c7061/caddy-tim-callback/internal/advice"
)

// lang is a language of the page, an index of texts.
type lang advice.Language

const (
	english = lang(advice.English)
	chinese = lang(advice.Chinese)
)

var tags = [...]string{english: "en", chinese: "zh"}

// Tag returns the language tag.
func (l lang) Tag() string { return [...]string{english: "en", chinese: "zh-CN"}[l] }

// Other returns the short tag of the other language, and its name in that language.
func (l lang) Other() [2]string {
	if l == english {
		return [2]string{"zh", "中文"}
	}
	return [2]string{"en", "English"}
}

// T returns a text of the page.
func (l lang) T(key string, args ...any) string {
	text, ok := texts[key]
	switch {
	case !ok:
		return key
	case len(args) == 0:
		return text[l]
	}
	return fmt.Sprintf(text[l], args...)
}

var matcher = language.NewMatcher([]language.Tag{english: language.English, chinese: language.Chinese})

// languageOf returns the language that a request asks for: by the parameter lang, or else by the browser.
func languageOf(r *http.Request, q *query) lang {
	for l, tag := range tags {
		if q.Values.Get(paramLang) == tag {
			return lang(l)
		}
	}
	accept := r.Header.Get("Accept-Language")
	if len(accept) > maxParam {
		return english
	}
	wanted, _, err := language.ParseAcceptLanguage(accept)
	if err != nil || len(wanted) == 0 {
		return english
	}
	_, index, confidence := matcher.Match(wanted...)
	if confidence == language.No {
		return english
	}
	return lang(index)
}
