package inspector

import (
	"bytes"
	"net/http"
	"net/url"
	"strings"

	"go.uber.org/zap"

	"github.com/caddyserver/caddy/v2/modules/caddyhttp"
)

const policy = "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src 'self' data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'"

// The pages. All lie beside one another, so links between them need not know where they are.
const (
	pageOverview = ""
	pageRecent   = "recent"
	pageStream   = "stream"
	pageCallback = "callback"
	pageEvent    = "event"
	pageQueue    = "queue"
	pageSearch   = "search"
)

func (i *Inspector) serve(w http.ResponseWriter, r *http.Request) {
	h := w.Header()
	h.Set("Content-Security-Policy", policy)
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Referrer-Policy", "no-referrer")
	h.Set("Cross-Origin-Resource-Policy", "same-origin")
	h.Set("Cross-Origin-Opener-Policy", "same-origin")
	h.Set("Cache-Control", "no-store")
	if why := i.refusal(r); why != "" {
		plain(w, http.StatusForbidden, why)
		return
	}
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		h.Set("Allow", "GET, HEAD")
		plain(w, http.StatusMethodNotAllowed, "This page only shows things: use GET.\n")
		return
	}
	name := lastSegment(r.URL.Path)
	if name == "" && lastSegment(originalPath(r)) != "" {
		name = lastSegment(originalPath(r)) // all of the path was a prefix
	}
	if serveAsset(w, r, name) {
		return
	}
	v := i.newView(r, name)
	show := map[string]func(*view, *http.Request) (template string, status int){
		pageOverview: i.overview, pageRecent: i.recent, pageCallback: i.callback,
		pageEvent: i.event, pageQueue: i.queue, pageSearch: i.search,
	}[name]
	switch {
	case name == pageStream:
		i.stream(w, r, v)
	case show != nil:
		template, status := show(v, r)
		if v.Redirect != "" {
			redirect(w, http.StatusSeeOther, v.Redirect)
			return
		}
		i.render(w, v, template, status)
	case strings.Contains(name, "."):
		i.render(w, v, "missing", http.StatusNotFound)
	default:
		// the folder of the pages, without the slash at its end
		to := "./" + url.PathEscape(name) + "/"
		if r.URL.RawQuery != "" {
			to += "?" + r.URL.RawQuery
		}
		redirect(w, http.StatusPermanentRedirect, to)
	}
}

// lastSegment is what follows the last slash of a path.
func lastSegment(path string) string { return path[strings.LastIndexByte(path, '/')+1:] }

// originalPath is the path of the request before handlers such as handle_path have changed it.
func originalPath(r *http.Request) string {
	if original, ok := r.Context().Value(caddyhttp.OriginalRequestCtxKey).(http.Request); ok && original.URL != nil {
		return original.URL.Path
	}
	return r.URL.Path
}

// redirect sends the client to a relative place, which it finds whatever prefix was removed from the
// path on the way here.
func redirect(w http.ResponseWriter, status int, to string) {
	w.Header().Set("Location", to)
	w.WriteHeader(status)
}

func plain(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "text/plain; charset=utf-8")
	w.WriteHeader(status)
	_, _ = w.Write([]byte(text))
}

// render writes a page. It is complete before anything is sent, so a mistake is not half a page.
func (i *Inspector) render(w http.ResponseWriter, v *view, template string, status int) {
	var page bytes.Buffer
	if err := templates.ExecuteTemplate(&page, template, v); err != nil {
		i.logger.Error("the inspector cannot show a page", zap.String("page", template), zap.Error(err))
		plain(w, http.StatusInternalServerError, "This page cannot be shown. Caddy's log says why.\n")
		return
	}
	h := w.Header()
	h.Set("Content-Type", "text/html; charset=utf-8")
	h.Set("Content-Language", v.Lang.Tag())
	h.Set("Vary", "Accept-Language")
	w.WriteHeader(status)
	_, _ = w.Write(page.Bytes()) // fails for a client that has gone
}
