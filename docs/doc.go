// Package docs tests the pages of its folder, the READMEs and the examples: every block
// of them is run, and the picture of the packages is held to the code.
package docs
