// Package version tells which version of this module a program was built with.
package version

import (
	"runtime/debug"
	"sync"
)

const path = "github.com/d13c7061/caddy-tim-callback"

// Module returns the module's version, as Go's tools tell it: a tag such as
// "v1.2.3", a pseudo-version of a commit, or "(devel)" for a build from a checkout
// that does not tell its commit.
var Module = sync.OnceValue(func() string {
	info, ok := debug.ReadBuildInfo()
	if !ok {
		return unknown
	}
	return of(info)
})

const unknown = "(devel)"

func of(info *debug.BuildInfo) string {
	if info.Main.Path == path && info.Main.Version != "" {
		return info.Main.Version
	}
	for _, dep := range info.Deps {
		if dep.Path != path {
			continue
		}
		if dep.Replace != nil { // a folder has no version
			dep = dep.Replace
		}
		if dep.Version != "" {
			return dep.Version
		}
	}
	return unknown
}
