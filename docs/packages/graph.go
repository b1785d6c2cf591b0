package main

import (
	"fmt"
	"go/parser"
	"go/token"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
)

const module = "github.com/d13c7061/caddy-tim-callback"

// handler is the name of the root package in the picture.
const handler = "timcallback"

// layers are the packages from top to bottom. A package may import packages of the
// layers below its own, and no other ones.
var layers = []struct {
	name     string
	packages []string
}{
	{"Programs", []string{"cmd/caddy", "bench", "docs/commands", "docs/packages"}},
	{"The HTTP handler", []string{handler}},
	{"What operators use", []string{"internal/admin", "internal/command", "inspector"}},
	{"What the commands do", []string{"internal/checker", "internal/finder", "internal/simulator"}},
	{"What those share", []string{"internal/adminapi", "internal/console", "internal/tencent"}},
	{"What people may see of events", []string{"internal/lookup"}},
	{"Queues and backends", []string{"internal/queues", "internal/backend"}},
	{"The store of several machines", []string{"queue/postgres"}},
	{"Stores and deliveries", []string{"queue/file", "internal/delivery", "internal/event"}},
	{"What stores share", []string{"queue/internal/inbox", "queue/internal/lanes", "queue/internal/listing"}},
	{"What to do about an event", []string{"internal/advice"}},
	{"The contract of stores", []string{"queue"}},
	{"The profile command", []string{"profile"}},
	{"What several packages need", []string{"internal/metrics", "internal/placeholder", "internal/recent", "internal/redact", "internal/version"}},
	{"The protocol", []string{"callback"}},
	{"Reading JSON", []string{"internal/jsonread"}},
}

// forTests are the packages that only tests import.
var forTests = []string{"bench/internal/rig", "docs", "internal/browser", "internal/caddytest", "internal/pgtest", "internal/sample", "queue/queuetest", "faulttest", "faulttest/nodes"}

// graph is which packages import which, test files left out.
type graph map[string][]string

// read reads the imports of all packages below a folder but those of other modules.
func read(root string) (graph, error) {
	g := make(graph)
	err := filepath.WalkDir(root, func(file string, entry fs.DirEntry, err error) error {
		switch {
		case err != nil:
			return err
		case entry.IsDir() && (entry.Name() == "interop" || entry.Name() != "." && entry.Name() != ".." && strings.HasPrefix(entry.Name(), ".")):
			return filepath.SkipDir
		case entry.IsDir() || path.Ext(file) != ".go" || strings.HasSuffix(file, "_test.go"):
			return nil
		}
		folder, err := filepath.Rel(root, filepath.Dir(file))
		if err != nil {
			return err
		}
		name := nameOf(filepath.ToSlash(folder))
		parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, parser.ImportsOnly)
		if err != nil {
			return err
		}
		g[name] = append(g[name], []string{}...)
		for _, spec := range parsed.Imports {
			imported, err := strconv.Unquote(spec.Path.Value)
			if err != nil {
				return err
			}
			if rest, ours := strings.CutPrefix(imported, module); ours {
				g[name] = append(g[name], nameOf(strings.Trim(rest, "/")))
			}
		}
		slices.Sort(g[name])
		g[name] = slices.Compact(g[name])
		return nil
	})
	return g, err
}

// nameOf is the name in the picture of the package in a folder.
func nameOf(folder string) string {
	if folder == "" || folder == "." {
		return handler
	}
	return folder
}

// layerOf is the number of a package's layer from the top, or false if it has none.
func layerOf(name string) (int, bool) {
	for n, layer := range layers {
		if slices.Contains(layer.packages, name) {
			return n, true
		}
	}
	return 0, false
}

// upwards lists the imports that do not go from a layer to one below it, and the
// packages that have no layer.
func (g graph) upwards() (problems []string) {
	for _, name := range slices.Sorted(maps.Keys(g)) {
		if slices.Contains(forTests, name) {
			continue
		}
		from, ok := layerOf(name)
		if !ok {
			problems = append(problems, name+" has no layer")
			continue
		}
		for _, imported := range g[name] {
			to, ok := layerOf(imported)
			switch {
			case slices.Contains(forTests, imported):
				if from > 0 {
					problems = append(problems, fmt.Sprintf("%s imports %s, which is for tests", name, imported))
				}
			case ok && to <= from:
				problems = append(problems, fmt.Sprintf("%s imports %s, which is not in a layer below it", name, imported))
			}
		}
	}
	return problems
}

// arrows are the imports of a package but those that other imports of it imply.
func (g graph) arrows(name string) (direct []string) {
	for _, imported := range g[name] {
		implied := slices.ContainsFunc(g[name], func(other string) bool { return other != imported && g.reaches(other, imported) })
		if _, drawn := layerOf(imported); drawn && !implied {
			direct = append(direct, imported)
		}
	}
	return direct
}

func (g graph) reaches(from, to string) bool {
	return slices.ContainsFunc(g[from], func(next string) bool { return next == to || g.reaches(next, to) })
}
