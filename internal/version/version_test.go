package version

import (
	"runtime/debug"
	"testing"
)

func TestOf(t *testing.T) {
	mod := func(path, version string) *debug.Module { return &debug.Module{Path: path, Version: version} }
	for name, tc := range map[string]struct {
		info debug.BuildInfo
		want string
	}{
		"a dependency": {debug.BuildInfo{Main: *mod("caddy", "(devel)"), Deps: []*debug.Module{mod("x", "v3.0.0"), mod(path, "v1.2.3")}}, "v1.2.3"},
		"the main module": {
			debug.BuildInfo{Main: *mod(path, "v1.2.4-0.20261125210553-ce5af7f00000")}, "v1.2.4-0.20261125210553-ce5af7f00000"},
		"a checkout": {
			debug.BuildInfo{Deps: []*debug.Module{{Path: path, Version: "v0.0.0", Replace: mod("/src/caddy-tim-callback", "")}}}, "(devel)"},
		"a fork": {
			debug.BuildInfo{Deps: []*debug.Module{{Path: path, Version: "v1.0.0", Replace: mod("example.com/fork", "v1.0.1")}}}, "v1.0.1"},
		"neither": {debug.BuildInfo{Main: *mod("caddy", "v2.0.0")}, "(devel)"},
	} {
		if got := of(&tc.info); got != tc.want {
			t.Errorf("%s: got %s, want %s", name, got, tc.want)
		}
	}
}
