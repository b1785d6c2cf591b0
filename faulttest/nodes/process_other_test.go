//go:build !unix

package nodes

func (n *node) pause() { n.t.Skip("NOT TESTED: processes cannot be paused on this system") }

func (n *node) resume() {}
