package callback

import (
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/base64"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"
)

// The headers of Standard Webhooks (https://www.standardwebhooks.com).
const (
	WebhookID        = "Webhook-Id"
	WebhookTimestamp = "Webhook-Timestamp"
	WebhookSignature = "Webhook-Signature"
)

// Errors of [VerifyWebhook].
var (
	ErrWebhookHeaders   = errors.New("webhook-id, webhook-timestamp and webhook-signature are required")
	ErrWebhookTimestamp = errors.New("webhook-timestamp is not a Unix time close enough to now")
	ErrWebhookSignature = errors.New("webhook-signature does not match")
)

// Secret is a Standard Webhooks signing secret, made by [ParseSecret].
type Secret struct{ key []byte }

// ParseSecret reads a signing secret: base64 of 24 to 64 bytes, with or without the
// prefix "whsec_". It returns an error for anything else. Errors do not contain the secret.
func ParseSecret(s string) (Secret, error) {
	key, err := base64.StdEncoding.DecodeString(strings.TrimPrefix(s, "whsec_"))
	switch {
	case err != nil:
		return Secret{}, errors.New("signing secret is not base64")
	case len(key) < 24 || len(key) > 64:
		return Secret{}, fmt.Errorf("signing secret has %d bytes, not 24 to 64", len(key))
	}
	return Secret{key}, nil
}

func (s Secret) signature(id, timestamp string, body []byte) []byte {
	mac := hmac.New(sha256.New, s.key)
	mac.Write([]byte(id + "." + timestamp + "."))
	mac.Write(body)
	return mac.Sum(nil)
}

// SignWebhook sets the Standard Webhooks headers in h for an event with this ID and body
// that is sent at the time now. There is one "v1" signature for each secret.
func SignWebhook(h http.Header, id string, now time.Time, body []byte, secrets ...Secret) {
	timestamp := strconv.FormatInt(now.Unix(), 10)
	signatures := make([]string, len(secrets))
	for i, s := range secrets {
		signatures[i] = "v1," + base64.StdEncoding.EncodeToString(s.signature(id, timestamp, body))
	}
	h[WebhookID] = []string{id}
	h[WebhookTimestamp] = []string{timestamp}
	h[WebhookSignature] = []string{strings.Join(signatures, " ")}
}

// VerifyWebhook checks that the body was signed with one of the secrets, and that it was
// signed at most tolerance, in whole seconds, before or after now. Signatures are compared
// in constant time. It returns [ErrWebhookHeaders], [ErrWebhookTimestamp] or
// [ErrWebhookSignature] if not. The zero Secret matches no signature, so that a program
// that ignores an error of [ParseSecret] does not accept everything.
func VerifyWebhook(h http.Header, body []byte, now time.Time, tolerance time.Duration, secrets ...Secret) error {
	id, timestamp, signatures := h.Get(WebhookID), h.Get(WebhookTimestamp), h.Get(WebhookSignature)
	if id == "" || timestamp == "" || signatures == "" {
		return ErrWebhookHeaders
	}
	sent, err := strconv.ParseUint(timestamp, 10, 63)
	if err != nil {
		return ErrWebhookTimestamp
	}
	age := max(now.Unix(), 0) - int64(sent)
	if age > int64(tolerance/time.Second) || age < -int64(tolerance/time.Second) {
		return ErrWebhookTimestamp
	}
	match := 0
	for _, signature := range strings.Fields(signatures) {
		text, ok := strings.CutPrefix(signature, "v1,")
		got, err := base64.StdEncoding.DecodeString(text)
		if !ok || err != nil {
			continue
		}
		for _, s := range secrets {
			if len(s.key) > 0 {
				match |= subtle.ConstantTimeCompare(got, s.signature(id, timestamp, body))
			}
		}
	}
	if match != 1 {
		return ErrWebhookSignature
	}
	return nil
}
