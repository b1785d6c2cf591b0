//go:build race

package faulttest

func init() { powerCuts = 150 } // each power cut takes ten times as long
