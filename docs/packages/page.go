package main

import (
	"fmt"
	"strings"
)

// page is the text of docs/packages.md.
func (g graph) page() string {
	var text strings.Builder
	text.WriteString(`# Packages

An arrow goes from a package to one that it imports. All arrows go down: a test refuses an import in the other direction.
Imports that follow from other ones are left out, and so are test files and the packages that only tests use.
[Layout](layout.md) says what is in each package.

<!-- go run ./docs/packages draws this picture -->

` + "```mermaid\nflowchart TB\n")
	for n, layer := range layers {
		fmt.Fprintf(&text, "    subgraph layer%d [%s]\n", n, layer.name)
		for _, name := range layer.packages {
			fmt.Fprintf(&text, "        %s[%q]\n", node(name), name)
		}
		text.WriteString("    end\n")
	}
	for _, layer := range layers {
		for _, name := range layer.packages {
			for _, imported := range g.arrows(name) {
				fmt.Fprintf(&text, "    %s --> %s\n", node(name), node(imported))
			}
		}
	}
	text.WriteString("```\n")
	return text.String()
}

// node is a package's name as Mermaid takes it.
func node(name string) string { return strings.ReplaceAll(name, "/", "_") }
