package profile

import (
	"encoding/json"
	"testing"
	"time"
)

func BenchmarkVerify(b *testing.B) {
	v, err := NewVerifier(time.Minute, App{"1400000000", []string{sampleToken}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		q, err := ParseQuery(signedQuery)
		if err == nil {
			err = v.Verify(q, sampleNow)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecode(b *testing.B) {
	q, body := parseQuery(b, sampleQuery), []byte(sampleBody)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(q, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEncode(b *testing.B) {
	q, body := parseQuery(b, sampleQuery), []byte(sampleBody)
	var buf []byte
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		e, err := Decode(q, body)
		if err != nil {
			b.Fatal(err)
		}
		buf = e.AppendJSON(buf[:0])
	}
}

// BenchmarkDecodeEncodingJSON is for comparison: it reads the same body, without
// any of the checks and without normalizing it.
func BenchmarkDecodeEncodingJSON(b *testing.B) {
	body := []byte(sampleBody)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		var callback struct {
			CallbackCommand string
			OperatorAccount string `json:"Operator_Account"`
			FromAccount     string `json:"From_Account"`
			EventTime       int64
			ProfileItem     []struct {
				Tag   string
				Value any
			}
		}
		if err := json.Unmarshal(body, &callback); err != nil {
			b.Fatal(err)
		}
	}
}
