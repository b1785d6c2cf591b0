package interop

import (
	"testing"
	"time"

	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

func TestStandardWebhooks(t *testing.T) {
	for _, path := range []string{"/normalized", "/original"} {
		for _, in := range inputs {
			t.Run(path[1:]+"/"+in.name, func(t *testing.T) {
				r, body := forwarded(t, path, in.callback, "Webhook-Id", "Webhook-Signature", "Webhook-Evil")
				if r.Header.Get("Webhook-Id") != r.Header.Get("Ce-Id") || r.Header.Get("Webhook-Evil") != "" {
					t.Errorf("headers %v", r.Header)
				}
				for _, secret := range []string{oldSecret, newSecret} {
					webhook := verifier(t, secret)
					if err := webhook.Verify(body, r.Header); err != nil {
						t.Error(err)
					}
					if err := webhook.Verify(append(body, ' '), r.Header); err == nil {
						t.Error("another body verifies too")
					}
				}
				if err := verifier(t, "whsec_AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").Verify(body, r.Header); err == nil {
					t.Error("another secret verifies too")
				}
			})
		}
	}
}

// The package callback verifies what the official library has signed.
func TestVerifyWebhookOfTheLibrary(t *testing.T) {
	r, body := forwarded(t, "/normalized", inputs[0].callback)
	now := time.Now()
	signature, err := verifier(t, oldSecret).Sign("msg_1", now, body)
	if err != nil {
		t.Fatal(err)
	}
	secret, err := callback.ParseSecret(oldSecret)
	if err != nil {
		t.Fatal(err)
	}
	callback.SignWebhook(r.Header, "msg_1", now, nil)
	r.Header.Set(callback.WebhookSignature, signature)
	if err := callback.VerifyWebhook(r.Header, body, now, time.Minute, secret); err != nil {
		t.Error(err)
	}
}

func verifier(t *testing.T, secret string) *standardwebhooks.Webhook {
	t.Helper()
	webhook, err := standardwebhooks.NewWebhook(secret)
	if err != nil {
		t.Fatal(err)
	}
	return webhook
}
