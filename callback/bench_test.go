package callback

import (
	"testing"
	"time"

	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

func BenchmarkVerify(b *testing.B) {
	v, err := NewVerifier(time.Minute, App{"1400000000", []string{sample.Token}})
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		q, err := ParseQuery(sample.SignedQuery)
		if err == nil {
			err = v.Verify(q, sampleNow)
		}
		if err != nil {
			b.Fatal(err)
		}
	}
}
