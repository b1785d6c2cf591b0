package pgtest

import (
	"encoding/binary"
	"slices"
	"strings"
	"testing"
)

// said returns a message as a client says it, without its type if that is 0.
func said(kind byte, body string) string {
	b := binary.BigEndian.AppendUint32(nil, uint32(4+len(body)))
	if kind != 0 {
		b = slices.Insert(b, 0, kind)
	}
	return string(b) + body
}

func TestRequests(t *testing.T) {
	conversation := said(0, "\x04\xd2\x16\x2f") + // may I use TLS?
		said(0, "\x00\x03\x00\x00user\x00app\x00\x00") +
		said('p', "password\x00") +
		said('Q', "begin\x00") +
		said('P', "s1\x00INSERT $1\x00\x00\x00") + said('D', "Ss1\x00") + said('S', "") +
		said('B', "\x00s1\x00\x00\x00\x00\x01\x00\x00\x00\x05hello\x00\x00") + said('E', "\x00\x00\x00\x00\x00") + said('S', "") +
		said('Q', "commit\x00")
	want := []string{"begin", "INSERT $1 hello", "commit"}
	for size := 1; size <= len(conversation); size++ {
		var r requests
		var got []string
		for chunk := range slices.Chunk([]byte(conversation), size) {
			got = append(got, r.read(chunk)...)
		}
		for i, words := range got {
			words = strings.Map(func(c rune) rune {
				if c < ' ' {
					return ' '
				}
				return c
			}, words)
			got[i] = strings.Join(strings.Fields(words), " ")
		}
		if !slices.Equal(got, want) || len(r.pending) > 0 {
			t.Fatalf("in chunks of %d: %q, pending %q", size, got, r.pending)
		}
	}
	var r requests
	if got := r.read([]byte(said(0, "\x04\xd2\x16\x2f") + "\x16\x03\x01\x00\x05hello")); got != nil || !r.opaque {
		t.Fatalf("encrypted: %q", got)
	}
}
