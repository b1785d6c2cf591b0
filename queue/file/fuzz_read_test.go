package file

import (
	"bytes"
	"errors"
	"io"
	"os"
	"reflect"
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// FuzzPages checks that reading pages always ends, and without a panic, whatever is in them. Unlike
// FuzzFile it writes no file, so it tries far more.
func FuzzPages(f *testing.F) {
	whole := sample(f)
	size := os.Getpagesize()
	root := readerOf(whole).root
	f.Add(uint32(root)*uint32(size), []byte{})
	for page := range uint32(len(whole) / size) {
		at := page * uint32(size)
		f.Add(at+8, []byte{2, 0, 0xff, 0x7f})
		f.Add(at+16, []byte{0, 0, 0, 0, 0xff, 0xff, 0xff, 0xff})
		f.Add(at+24, []byte{byte(page)})
	}
	changed := bytes.Clone(whole)
	f.Fuzz(func(t *testing.T, at uint32, patch []byte) {
		// the meta pages are left as they are, since bbolt checks them before
		start := 2*size + int(at)%(len(whole)-2*size)
		n := copy(changed[start:], patch)
		err := readSample(newPages(bytes.NewReader(changed), int64(len(changed)), size, root))
		copy(changed[start:start+n], whole[start:])
		if err != nil && !errors.Is(err, errDamaged) && !errors.Is(err, io.EOF) && !errors.Is(err, errForeign) {
			t.Errorf("refused with: %v", err)
		}
	})
}

// FuzzRecords checks that a record is either refused, or the same after it is written and read again.
func FuzzRecords(f *testing.F) {
	at := time.Unix(1, 2)
	item := queue.Item{Event: queue.Event{ID: "id", Key: "key", Payload: []byte("payload")}, Received: at,
		Attempts: 300, Refusals: 2, First: at, Last: at, LastError: "status 400"}
	f.Add(encodeAttempts(&item, at)[4:], appendEvent(nil, &item.Event, at)[4:])
	item.Note(queue.Attempt{At: at, Took: time.Second, Error: "status 400", Answer: "no"})
	f.Add(encodeAttempts(&item, at)[4:], appendEvent(nil, &item.Event, at)[4:])
	f.Add([]byte{}, []byte{})
	f.Add(bytes.Repeat([]byte{0xff}, 40), bytes.Repeat([]byte{0xff}, 40))
	f.Add(make([]byte, 40), append(make([]byte, 8), 0xff, 0xff, 0xff, 0xff, 0x0f))
	f.Fuzz(func(t *testing.T, attempts, event []byte) {
		sealed := func(b []byte) []byte { return seal(append(make([]byte, 4), b...)) }
		attempts, event = sealed(attempts), sealed(event)

		var item queue.Item
		due, attemptsErr := decodeAttempts(attempts, &item)
		if attemptsErr == nil {
			var again queue.Item
			dueAgain, err := decodeAttempts(encodeAttempts(&item, due), &again)
			if err != nil || !dueAgain.Equal(due) || !reflect.DeepEqual(again, item) {
				t.Errorf("attempts %+v due %v became %+v due %v, %v", item, due, again, dueAgain, err)
			}
		}
		e, received, eventErr := decodeEvent(event)
		if eventErr == nil {
			again, receivedAgain, err := decodeEvent(appendEvent(nil, &e, received))
			if err != nil || !receivedAgain.Equal(received) || !reflect.DeepEqual(again, e) {
				t.Errorf("event %+v of %v became %+v of %v, %v", e, received, again, receivedAgain, err)
			}
		}
		if attemptsErr != nil || eventErr != nil {
			return
		}
		item.Event, item.Received = e, received
		if again, err := decodeDead(encodeDead(&item)); err != nil || !reflect.DeepEqual(again, item) {
			t.Errorf("dead letter %+v became %+v, %v", item, again, err)
		}
	})
}

// FuzzSealedRecords also tries records that have no checksum, or a wrong one. They must be refused.
func FuzzSealedRecords(f *testing.F) {
	item := queue.Item{Event: queue.Event{ID: "id", Key: "key", Payload: []byte("payload")}, LastError: "status 400"}
	f.Add(encodeDead(&item))
	f.Add(appendEvent(nil, &item.Event, time.Time{}))
	f.Add(encodeAttempts(&item, time.Time{}))
	f.Add(encodeDelivered(time.Unix(1, 2), "id"))
	f.Add([]byte{0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01})
	f.Fuzz(func(t *testing.T, b []byte) {
		if item, err := decodeDead(b); err == nil {
			if again, err := decodeDead(encodeDead(&item)); err != nil || !reflect.DeepEqual(again, item) {
				t.Errorf("dead letter %+v became %+v, %v", item, again, err)
			}
		}
		_, _, eventErr := decodeEvent(b)
		_, attemptsErr := decodeAttempts(b, new(queue.Item))
		if _, err := unseal(b); err != nil && (eventErr == nil || attemptsErr == nil) {
			t.Errorf("%q was taken with %v", b, err)
		}
		if at, id, err := decodeDelivered(b); err == nil && !bytes.Equal(encodeDelivered(at, id), b) {
			t.Errorf("%q became %v %q", b, at, id)
		}
	})
}
