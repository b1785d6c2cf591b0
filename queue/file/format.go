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

// The buckets of the file, with their keys and values. Numbers are big-endian.
//
//	meta       "format" → formatName
//	events     sequence number → event, for all events that wait or are in flight
//	attempts   sequence number → record of attempts, for the events that have any
//	delivered  Unix nanoseconds, ID → 1, for as long as an ID is remembered
//	dead       number, in the order in which they were buried → record of attempts, event
//	retained   number, in the order in which they were delivered → record of attempts, event;
//	           the bucket is there only if events were ever retained
//	reserve    only takes up space; see fillReserve
//
// An event and a record of attempts each begin with a checksum of the rest.
var (
	bucketMeta      = []byte("meta")
	bucketEvents    = []byte("events")
	bucketAttempts  = []byte("attempts")
	bucketDelivered = []byte("delivered")
	bucketDead      = []byte("dead")
	bucketRetained  = []byte("retained")

	keyFormat = []byte("format")
)

// formatName marks a bbolt file as a queue of this module, and names the version of the format.
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

// appendEvent appends the record of an event to b.
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

// decodeEvent decodes the record of an event. The payload shares the memory of b.
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

func encodeDead(item *queue.Item) []byte {
	return appendEnded(nil, encodeAttempts(item, time.Time{}), appendEvent(nil, &item.Event, item.Received))
}

func decodeDead(b []byte) (item queue.Item, err error) {
	item, _, err = decodeEnded(b)
	return item, err
}

// appendEnded appends the record of an event that waits no longer: its record of attempts and its own one.
func appendEnded(b, attempts, event []byte) []byte {
	b = slices.Grow(b, binary.MaxVarintLen64+len(attempts)+len(event))
	b = binary.AppendUvarint(b, uint64(len(attempts)))
	b = append(b, attempts...)
	return append(b, event...)
}

// decodeEnded decodes the record of an event that waits no longer. The time at is that of its delivery, in
// place of the next attempt; zero for a dead letter.
func decodeEnded(b []byte) (item queue.Item, at time.Time, err error) {
	size, b, err := cutUvarint(b)
	if err != nil || size > uint64(len(b)) {
		return item, at, errDamaged
	}
	attempts, event := b[:size], b[size:]
	if item.Event, item.Received, err = decodeEvent(event); err != nil {
		return item, at, err
	}
	at, err = decodeAttempts(attempts, &item)
	return item, at, err
}

// encodeDelivered returns the key under which a delivered ID is remembered.
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

// seal writes the checksum into the first four bytes, which were left free for it.
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
	size, b, err := cutUvarint(b)
	if err != nil || size > uint64(len(b)) {
		return "", nil, errDamaged
	}
	return string(b[:size]), b[size:], nil
}

func cutUvarint(b []byte) (uint64, []byte, error) {
	value, n := binary.Uvarint(b)
	if n <= 0 {
		return 0, nil, errDamaged
	}
	return value, b[n:], nil
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
