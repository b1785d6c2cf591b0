package callback

import (
	"bytes"
	"encoding/base64"
	"errors"
	"math"
	"net/http"
	"strings"
	"testing"
	"time"
)

func secretOf(n int) string { return base64.StdEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, n)) }

func mustSecret(tb testing.TB, s string) Secret {
	tb.Helper()
	secret, err := ParseSecret(s)
	if err != nil {
		tb.Fatal(err)
	}
	return secret
}

func TestParseSecret(t *testing.T) {
	for name, tc := range map[string]struct {
		secret string
		ok     bool
	}{
		"shortest":     {secretOf(24), true},
		"longest":      {secretOf(64), true},
		"with prefix":  {"whsec_" + secretOf(32), true},
		"too short":    {secretOf(23), false},
		"too long":     {secretOf(65), false},
		"empty":        {"", false},
		"prefix only":  {"whsec_", false},
		"prefix twice": {"whsec_whsec_" + secretOf(32), false},
		"no padding":   {strings.TrimRight(secretOf(32), "="), false},
		"URL alphabet": {base64.URLEncoding.EncodeToString(bytes.Repeat([]byte{0xfb}, 32)), false},
		"no base64":    {strings.Repeat("*", 44), false},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := ParseSecret(tc.secret)
			if (err == nil) != tc.ok {
				t.Fatalf("got %v", err)
			}
			if err != nil && len(tc.secret) > 8 && strings.Contains(err.Error(), tc.secret[6:]) {
				t.Errorf("the error contains the secret: %v", err)
			}
		})
	}
}

// The test vector of the Standard Webhooks reference libraries.
func TestSignWebhookVector(t *testing.T) {
	h := http.Header{}
	body := []byte(`{"test": 2432232314}`)
	SignWebhook(h, "msg_p5jXN8AQM9LWM0D4loKWxJek", time.Unix(1614265330, 0), body, mustSecret(t, "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"))
	if got, want := h.Get("webhook-signature"), "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="; got != want {
		t.Errorf("got %s, want %s", got, want)
	}
	if h.Get("webhook-id") != "msg_p5jXN8AQM9LWM0D4loKWxJek" || h.Get("webhook-timestamp") != "1614265330" {
		t.Errorf("got %v", h)
	}
}

func TestVerifyWebhook(t *testing.T) {
	old, current, other := mustSecret(t, secretOf(24)), mustSecret(t, secretOf(32)), mustSecret(t, secretOf(64))
	now, body := time.Unix(1700000000, 0), []byte("body")
	sent := func(name, value string) func(http.Header) { return func(h http.Header) { h.Set(name, value) } }
	for name, tc := range map[string]struct {
		change  func(http.Header)
		body    string
		now     time.Time
		secrets []Secret
		want    error
	}{
		"first secret":       {nil, "body", now, []Secret{old}, nil},
		"second secret":      {nil, "body", now, []Secret{current}, nil},
		"one of several":     {nil, "body", now, []Secret{other, current}, nil},
		"oldest":             {nil, "body", now.Add(time.Minute), []Secret{old}, nil},
		"newest":             {nil, "body", now.Add(-time.Minute), []Secret{old}, nil},
		"unknown version":    {func(h http.Header) { h.Set(WebhookSignature, "v1a,AAAA x v1 v1, "+h.Get(WebhookSignature)) }, "body", now, []Secret{old}, nil},
		"too old":            {nil, "body", now.Add(61 * time.Second), []Secret{old}, ErrWebhookTimestamp},
		"too new":            {nil, "body", now.Add(-61 * time.Second), []Secret{old}, ErrWebhookTimestamp},
		"another secret":     {nil, "body", now, []Secret{other}, ErrWebhookSignature},
		"no secret":          {nil, "body", now, nil, ErrWebhookSignature},
		"another body":       {nil, "Body", now, []Secret{old}, ErrWebhookSignature},
		"another ID":         {sent(WebhookID, "2"), "body", now, []Secret{old}, ErrWebhookSignature},
		"another time":       {sent(WebhookTimestamp, "1700000001"), "body", now, []Secret{old}, ErrWebhookSignature},
		"dot moved":          {sent(WebhookID, "1.1700000000"), "body", now, []Secret{old}, ErrWebhookSignature},
		"another version":    {func(h http.Header) { h.Set(WebhookSignature, "v2"+h.Get(WebhookSignature)[2:47]) }, "body", now, []Secret{old}, ErrWebhookSignature},
		"no version":         {func(h http.Header) { h.Set(WebhookSignature, h.Get(WebhookSignature)[3:47]) }, "body", now, []Secret{old}, ErrWebhookSignature},
		"empty signature":    {sent(WebhookSignature, "v1,"), "body", now, []Secret{old}, ErrWebhookSignature},
		"no ID":              {sent(WebhookID, ""), "body", now, []Secret{old}, ErrWebhookHeaders},
		"no timestamp":       {sent(WebhookTimestamp, ""), "body", now, []Secret{old}, ErrWebhookHeaders},
		"no signature":       {sent(WebhookSignature, ""), "body", now, []Secret{old}, ErrWebhookHeaders},
		"negative timestamp": {sent(WebhookTimestamp, "-1"), "body", now, []Secret{old}, ErrWebhookTimestamp},
		"huge timestamp":     {sent(WebhookTimestamp, "9223372036854775807"), "body", time.Unix(math.MinInt64/2, 0), []Secret{old}, ErrWebhookTimestamp},
		"no number":          {sent(WebhookTimestamp, "1.7e9"), "body", now, []Secret{old}, ErrWebhookTimestamp},
	} {
		t.Run(name, func(t *testing.T) {
			h := http.Header{}
			SignWebhook(h, "1", now, body, old, current)
			if tc.change != nil {
				tc.change(h)
			}
			if err := VerifyWebhook(h, []byte(tc.body), tc.now, time.Minute, tc.secrets...); !errors.Is(err, tc.want) {
				t.Errorf("got %v, want %v", err, tc.want)
			}
		})
	}
}

// A program that ignores an error of ParseSecret must not accept what anybody can sign.
func TestVerifyWebhookZeroSecret(t *testing.T) {
	h, now := http.Header{}, time.Unix(1700000000, 0)
	SignWebhook(h, "1", now, nil, Secret{})
	if err := VerifyWebhook(h, nil, now, time.Minute, Secret{}); !errors.Is(err, ErrWebhookSignature) {
		t.Errorf("got %v", err)
	}
}

func FuzzParseSecret(f *testing.F) {
	for _, s := range []string{"", "whsec_" + secretOf(24), secretOf(64), secretOf(65)} {
		f.Add(s, "1", []byte("body"), "v1,")
	}
	now := time.Unix(1700000000, 0)
	f.Fuzz(func(t *testing.T, s, id string, body []byte, signatures string) {
		secret, err := ParseSecret(s)
		if err != nil || id == "" {
			return
		}
		h := http.Header{}
		SignWebhook(h, id, now, body, secret)
		if err := VerifyWebhook(h, body, now, time.Minute, secret); err != nil {
			t.Errorf("own signature: %v", err)
		}
		if strings.Contains(signatures, strings.TrimPrefix(h.Get(WebhookSignature), "v1,")[:42]) {
			return
		}
		h.Set(WebhookSignature, signatures)
		if err := VerifyWebhook(h, body, now, time.Minute, secret); err == nil {
			t.Errorf("%q was accepted as a signature", signatures)
		}
	})
}
