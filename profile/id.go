package profile

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"hash"
	"sync"
)

const idBytes = 16

// EventID returns the ID of the callback with this body: the lower-case hex of
// the first 16 bytes of SHA-256 over SDKAppID, "\n", command, "\n", body.
func EventID(sdkAppID, command string, body []byte) string {
	h := hashers.Get().(*hasher)
	defer hashers.Put(h)
	h.Reset()
	h.buf = append(append(h.buf[:0], sdkAppID...), '\n')
	h.buf = append(append(h.buf, command...), '\n')
	_, _ = h.Write(h.buf)
	_, _ = h.Write(body)
	h.buf = h.Sum(h.buf[:0])
	return hex.EncodeToString(h.buf[:idBytes])
}

// hasher keeps what a hash behind an interface would allocate each time.
type hasher struct {
	hash.Hash
	buf []byte
}

var hashers = sync.Pool{New: func() any { return &hasher{Hash: sha256.New()} }}

// randomID is the ID of a callback that cannot be told from another one.
func randomID() string {
	var id [idBytes]byte
	_, _ = rand.Read(id[:]) // never fails
	return hex.EncodeToString(id[:])
}
