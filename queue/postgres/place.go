package postgres

import (
	"crypto/sha256"
	"encoding/binary"
)

// place is where the events of a key are: in a lane of a partition.
type place struct {
	hash int64 // as in the database
	part int16
}

// parts is the number of partitions. One more lease is for the housework.
const (
	parts     = 64
	housework = parts
)

// placeOf must give the same on all nodes and in all versions.
func placeOf(key string) place {
	sum := sha256.Sum256([]byte(key))
	hash := binary.BigEndian.Uint64(sum[:])
	return place{int64(hash), int16(hash % parts)}
}

func (p place) lane() uint64 { return uint64(p.hash) }

// partOf returns the partition of a lane.
func partOf(lane uint64) int { return int(lane % parts) }
