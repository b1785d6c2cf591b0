package inspector

import (
	"crypto/sha256"
	"embed"
	"encoding/hex"
	"net/http"
	"path"
	"strconv"
	"strings"
)

//go:embed assets templates
var embedded embed.FS

// asset is an embedded file under a name with its hash, so that browsers can keep it for ever.
type asset struct {
	name, kind, tag string
	content         []byte
}

var kinds = map[string]string{".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8", ".svg": "image/svg+xml"}

// assets are the files by the names under which they are served, and assetNames those names by the
// names of the files.
var assets, assetNames = readAssets()

func readAssets() (map[string]asset, map[string]string) {
	entries, err := embedded.ReadDir("assets")
	if err != nil {
		panic(err) // it is part of the program
	}
	served, names := make(map[string]asset), make(map[string]string)
	for _, entry := range entries {
		content, err := embedded.ReadFile("assets/" + entry.Name())
		if err != nil {
			panic(err)
		}
		sum := sha256.Sum256(content)
		hash, ext := hex.EncodeToString(sum[:6]), path.Ext(entry.Name())
		name := strings.TrimSuffix(entry.Name(), ext) + "-" + hash + ext
		served[name] = asset{name, kinds[ext], strconv.Quote(hash), content}
		names[entry.Name()] = name
	}
	return served, names
}

// serveAsset answers a request for an asset, and reports whether it is one.
func serveAsset(w http.ResponseWriter, r *http.Request, name string) bool {
	a, ok := assets[name]
	if !ok {
		return false
	}
	h := w.Header()
	h.Set("Cache-Control", "private, max-age=31536000, immutable")
	h.Set("ETag", a.tag)
	if strings.Contains(r.Header.Get("If-None-Match"), a.tag) {
		w.WriteHeader(http.StatusNotModified)
		return true
	}
	h.Set("Content-Type", a.kind)
	h.Set("Content-Length", strconv.Itoa(len(a.content)))
	_, _ = w.Write(a.content)
	return true
}
