//go:build race

package nodes

func init() { slowdown = 3 } // the race detector makes all processes several times slower
