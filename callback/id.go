package callback

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"strings"
	"sync"
)

const idBytes = 16

// EventID returns the ID of a callback: the first 16 bytes of
// sha256(sdkAppID + "\n" + command + "\n" + body) in lower-case hex. A callback that is
// sent again has the same ID. If requestID is not empty, it and a "\n" come before the
// body: it tells callbacks with the same body from each other.
func EventID[B ~string | ~[]byte](sdkAppID, command, requestID string, body B) string {
	return string(AppendEventID(make([]byte, 0, 2*idBytes), sdkAppID, command, requestID, body))
}

// AppendEventID appends what [EventID] returns to dst.
func AppendEventID[B ~string | ~[]byte](dst []byte, sdkAppID, command, requestID string, body B) []byte {
	buf := buffers.Get().(*[]byte)
	defer buffers.Put(buf)
	b := append(append((*buf)[:0], sdkAppID...), '\n')
	b = append(append(b, command...), '\n')
	if requestID != "" {
		b = append(append(b, requestID...), '\n')
	}
	b = append(b, body...)
	*buf = b
	sum := sha256.Sum256(b)
	return hex.AppendEncode(dst, sum[:idBytes])
}

// buffers are reused, since one would otherwise be allocated for each ID.
var buffers = sync.Pool{New: func() any { return new([]byte) }}

// IsPartOfID reports whether a text could be a part of an ID, or a whole one, by its characters.
func IsPartOfID(text string) bool { return strings.Trim(text, "0123456789abcdef") == "" }

// RandomID returns a random ID of the same form as [EventID]. It is for callbacks without
// a time, where two different events may have the same body.
func RandomID() string {
	var id [idBytes]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}
