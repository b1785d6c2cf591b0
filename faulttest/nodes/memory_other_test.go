//go:build !linux

package nodes

func (n *node) memory() int {
	n.t.Log("NOT TESTED: how much memory a process takes")
	return 0
}
