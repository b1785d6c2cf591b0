// Command packages draws docs/packages.md, the picture of the packages and of what they
// import. Run it in the root of the project after an import has changed:
//
//	go run ./docs/packages
package main

import (
	"fmt"
	"os"
)

const page = "docs/packages.md"

func main() {
	if err := draw("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func draw(root string) error {
	g, err := read(root)
	if err != nil {
		return err
	}
	return os.WriteFile(root+"/"+page, []byte(g.page()), 0o644)
}
