// Command commands writes the table of all callback commands into docs/callbacks.md. Run
// it in the root of the project after the table in package callback has changed:
//
//	go run ./docs/commands
package main

import (
	"fmt"
	"os"
)

const page = "docs/callbacks.md"

func main() {
	if err := write("."); err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

// write replaces the table in the page of a project.
func write(root string) error {
	path := root + "/" + page
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	changed, err := replaceTable(string(text))
	if err != nil {
		return err
	}
	return os.WriteFile(path, []byte(changed), 0o644)
}
