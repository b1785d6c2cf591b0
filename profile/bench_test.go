package profile

import (
	"encoding/json"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

func BenchmarkDecode(b *testing.B) {
	q, body := parseQuery(b, sample.Query), []byte(sample.Body)
	b.SetBytes(int64(len(body)))
	b.ReportAllocs()
	for b.Loop() {
		if _, err := Decode(q, body); err != nil {
			b.Fatal(err)
		}
	}
}

func BenchmarkDecodeEncode(b *testing.B) {
	q, body := parseQuery(b, sample.Query), []byte(sample.Body)
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

// BenchmarkDecodeEncodingJSON is for comparison. It reads the same body with encoding/json,
// without any checks and without normalizing it.
func BenchmarkDecodeEncodingJSON(b *testing.B) {
	body := []byte(sample.Body)
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
