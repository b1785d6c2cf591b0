package main

import (
	"os"
	"slices"
	"testing"
)

func readAll(t *testing.T) graph {
	t.Helper()
	g, err := read("../..")
	if err != nil || len(g) < 20 {
		t.Fatalf("%d packages, %v", len(g), err)
	}
	return g
}

// TestImportsPointOneWay refuses imports against the layers.
func TestImportsPointOneWay(t *testing.T) {
	for _, problem := range readAll(t).upwards() {
		t.Error(problem)
	}
}

// TestPicture holds the page to the code.
func TestPicture(t *testing.T) {
	text, err := os.ReadFile("../packages.md")
	if err != nil {
		t.Fatal(err)
	}
	if string(text) != readAll(t).page() {
		t.Error("docs/packages.md is not the picture of the packages: run go run ./docs/packages")
	}
}

func TestUpwards(t *testing.T) {
	g := graph{
		"callback":        {"profile"},
		"internal/queues": {"internal/backend", "callback", "internal/caddytest"},
		"internal/new":    nil,
		"cmd/caddy":       {handler},
	}
	want := []string{
		"callback imports profile, which is not in a layer below it",
		"internal/new has no layer",
		"internal/queues imports internal/backend, which is not in a layer below it",
		"internal/queues imports internal/caddytest, which is for tests",
	}
	if got := g.upwards(); !slices.Equal(got, want) {
		t.Errorf("got %q", got)
	}
}

func TestArrows(t *testing.T) {
	g := graph{"cmd/caddy": {handler, "queue", "callback"}, handler: {"queue"}, "queue": {"callback"}}
	if got := g.arrows("cmd/caddy"); !slices.Equal(got, []string{handler}) {
		t.Errorf("got %q", got)
	}
}
