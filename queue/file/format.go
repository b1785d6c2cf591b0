package file

import (
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"slices"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// The buckets of the file, and what is in them. Numbers are big-endian.
//
//	meta       "format" → formatName
//	events     sequence number → event; all that waits or is in flight
//	attempts   sequence number → attempts; of events that were tried
//	delivered  Unix nanoseconds, ID → 1; for as long as IDs are remembered
//	dead       number in the order of dying → attempts and event
//	reserve    nothing of use; see fillReserve
//
// An event and its attempts each begin with a checksum of the rest.
var (
	bucketMeta      = []byte("meta")
	bucketEvents    = []byte("events")
	bucketAttempts  = []byte("attempts")
	bucketDelivered = []byte("delivered")
	bucketDead      = []byte("dead")

	keyFormat = []byte("format")
)

// formatName says that a bbolt file is a queue of ours, and in which version.
const formatName = "caddy-tim-callback queue 1"

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

var errDamaged = errors.New("damaged record")

func encodeNumber(n uint64) []byte { return binary.BigEndian.AppendUint64(nil, n) }

func decodeNumber(key []byte) (uint64, error) {
	if len(key) < 8 {
		return 0, errDamaged
	}
	return binary.BigEndian.Uint64(key), nil
}

// appendEvent appends an event's record to b.
func appendEvent(b []byte, e *queue.Event, received time.Time) []byte {
	b = slices.Grow(b, 4+8+2*binary.MaxVarintLen64+len(e.ID)+len(e.Key)+len(e.Payload))
	start := len(b)
	b = append(b, 0, 0, 0, 0)
	b = appendTime(b, received)
	b = appendText(b, e.ID)
	b = appendText(b, e.Key)
	b = append(b, e.Payload...)
	seal(b[start:])
	return b
}

// decodeEvent reads an event; its payload still lies in b.
func decodeEvent(b []byte) (e queue.Event, received time.Time, err error) {
	b, err = unseal(b)
	if err == nil {
		received, b, err = cutTime(b)
	}
	if err == nil {
		e.ID, b, err = cutText(b)
	}
	if err == nil {
		e.Key, b, err = cutText(b)
	}
	e.Payload = b
	return e, received, err
}

func encodeAttempts(item *queue.Item, due time.Time) []byte {
	b := make([]byte, 4, 64+len(item.LastError))
	b = appendTime(b, due)
	b = binary.AppendUvarint(b, uint64(item.Attempts))
	b = binary.AppendUvarint(b, uint64(item.Refusals))
	b = appendTime(b, item.First)
	b = appendTime(b, item.Last)
	b = append(b, item.LastError...)
	return seal(b)
}

// decodeAttempts reads into item what is known about its delivery.
func decodeAttempts(b []byte, item *queue.Item) (due time.Time, err error) {
	b, err = unseal(b)
	if err == nil {
		due, b, err = cutTime(b)
	}
	if err != nil {
		return due, err
	}
	for _, count := range []*int{&item.Attempts, &item.Refusals} {
		value, n := binary.Uvarint(b)
		if n <= 0 {
			return due, errDamaged
		}
		*count, b = int(value), b[n:]
	}
	item.First, b, err = cutTime(b)
	if err == nil {
		item.Last, b, err = cutTime(b)
	}
	item.LastError = string(b)
	return due, err
}

func encodeDead(item *queue.Item) []byte {
	attempts := encodeAttempts(item, time.Time{})
	b := binary.AppendUvarint(nil, uint64(len(attempts)))
	b = append(b, attempts...)
	return appendEvent(b, &item.Event, item.Received)
}

func decodeDead(b []byte) (item queue.Item, err error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return item, errDamaged
	}
	attempts, event := b[n:n+int(size)], b[n+int(size):]
	if item.Event, item.Received, err = decodeEvent(event); err != nil {
		return item, err
	}
	_, err = decodeAttempts(attempts, &item)
	return item, err
}

// encodeDelivered is the key under which a delivered ID is remembered.
func encodeDelivered(at time.Time, id string) []byte {
	return append(encodeNumber(uint64(at.UnixNano())), id...)
}

func decodeDelivered(key []byte) (at time.Time, id string, err error) {
	n, err := decodeNumber(key)
	if err != nil {
		return time.Time{}, "", err
	}
	return time.Unix(0, int64(n)), string(key[8:]), nil
}

// seal fills in the checksum for which the first four bytes were left.
func seal(b []byte) []byte {
	binary.BigEndian.PutUint32(b, crc32.Checksum(b[4:], castagnoli))
	return b
}

func unseal(b []byte) ([]byte, error) {
	if len(b) < 4 {
		return nil, errDamaged
	}
	if binary.BigEndian.Uint32(b) != crc32.Checksum(b[4:], castagnoli) {
		return nil, fmt.Errorf("%w: its checksum does not match", errDamaged)
	}
	return b[4:], nil
}

func appendText(b []byte, s string) []byte {
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func cutText(b []byte) (string, []byte, error) {
	size, n := binary.Uvarint(b)
	if n <= 0 || size > uint64(len(b)-n) {
		return "", nil, errDamaged
	}
	return string(b[n : n+int(size)]), b[n+int(size):], nil
}

// appendTime writes Unix nanoseconds, and 0 for the zero time.
func appendTime(b []byte, t time.Time) []byte {
	if t.IsZero() {
		return binary.BigEndian.AppendUint64(b, 0)
	}
	return binary.BigEndian.AppendUint64(b, uint64(t.UnixNano()))
}

func cutTime(b []byte) (time.Time, []byte, error) {
	if len(b) < 8 {
		return time.Time{}, nil, errDamaged
	}
	n := int64(binary.BigEndian.Uint64(b))
	if n == 0 {
		return time.Time{}, b[8:], nil
	}
	return time.Unix(0, n), b[8:], nil
}
