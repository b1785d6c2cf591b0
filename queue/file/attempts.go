package file

import (
	"encoding/binary"
	"time"

	"github.com/d13c7061/caddy-tim-callback/queue"
)

// withHistory is added to the count of refusals in a record of attempts that has a history. Records of
// older versions have none: they end with the text of the last error.
const withHistory = 1 << 32

func encodeAttempts(item *queue.Item, due time.Time) []byte {
	b := make([]byte, 4, 64+len(item.LastError)+32*len(item.History))
	b = appendTime(b, due)
	b = binary.AppendUvarint(b, uint64(item.Attempts))
	refusals := uint64(item.Refusals) &^ withHistory
	if len(item.History) > 0 {
		refusals |= withHistory
	}
	b = binary.AppendUvarint(b, refusals)
	b = appendTime(b, item.First)
	b = appendTime(b, item.Last)
	if len(item.History) > 0 {
		b = appendText(b, item.LastError)
		b = appendHistory(b, item.History)
	} else {
		b = append(b, item.LastError...)
	}
	return seal(b)
}

// decodeAttempts decodes a record of attempts into item.
func decodeAttempts(b []byte, item *queue.Item) (due time.Time, err error) {
	b, err = unseal(b)
	if err == nil {
		due, b, err = cutTime(b)
	}
	var attempts, refusals uint64
	if err == nil {
		attempts, b, err = cutUvarint(b)
	}
	if err == nil {
		refusals, b, err = cutUvarint(b)
	}
	item.Attempts, item.Refusals = int(attempts), int(refusals&^withHistory)
	if err == nil {
		item.First, b, err = cutTime(b)
	}
	if err == nil {
		item.Last, b, err = cutTime(b)
	}
	if err != nil {
		return due, err
	}
	if refusals&withHistory == 0 {
		item.LastError = string(b)
		return due, nil
	}
	item.LastError, b, err = cutText(b)
	if err == nil {
		item.History, err = decodeHistory(b)
	}
	return due, err
}

func appendHistory(b []byte, history []queue.Attempt) []byte {
	for _, a := range history {
		b = appendTime(b, a.At)
		b = binary.AppendUvarint(b, uint64(a.Took))
		b = appendText(b, a.Error)
		b = appendText(b, a.Answer)
	}
	return b
}

func decodeHistory(b []byte) (history []queue.Attempt, err error) {
	for len(b) > 0 && err == nil {
		var a queue.Attempt
		var took uint64
		a.At, b, err = cutTime(b)
		if err == nil {
			took, b, err = cutUvarint(b)
		}
		if err == nil {
			a.Error, b, err = cutText(b)
		}
		if err == nil {
			a.Answer, b, err = cutText(b)
		}
		a.Took = time.Duration(took)
		history = append(history, a)
	}
	return history, err
}
