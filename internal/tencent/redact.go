package tencent

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"net/url"
	"strings"
)

// Redacted replaces a Sign.
const Redacted = "REDACTED"

// RedactURL returns u as a string in which [Redacted] replaces the value of every parameter
// Sign, in any case.
func RedactURL(u *url.URL) string {
	c := *u
	pairs := strings.Split(u.RawQuery, "&")
	for i, pair := range pairs {
		if name, _, ok := signIn(pair); ok {
			pairs[i] = name + "=" + Redacted
		}
	}
	c.RawQuery = strings.Join(pairs, "&")
	return c.String()
}

// signIn splits a parameter of a query if its name is Sign. name is returned as it is written,
// and value without escapes.
func signIn(pair string) (name, value string, ok bool) {
	name, value, _ = strings.Cut(pair, "=")
	plain, err := url.QueryUnescape(name)
	if err != nil || !strings.EqualFold(plain, "Sign") {
		return "", "", false
	}
	if unescaped, err := url.QueryUnescape(value); err == nil {
		value = unescaped
	}
	return name, value, true
}

// redact removes the Sign of the request from the response and the error, since an endpoint
// may repeat the URL in a redirect or on an error page.
func (x *Exchange) redact(u *url.URL) {
	for pair := range strings.SplitSeq(u.RawQuery, "&") {
		_, sign, ok := signIn(pair)
		if !ok || len(sign) != hex.EncodedLen(sha256.Size) {
			continue // a short value could occur anywhere
		}
		x.Body = []byte(cutOut(string(x.Body), sign))
		for _, values := range x.Header {
			for i, value := range values {
				values[i] = cutOut(value, sign)
			}
		}
		if x.Err != nil {
			// an error that does not contain the Sign keeps its type
			if text := x.Err.Error(); cutOut(text, sign) != text {
				x.Err = errors.New(cutOut(text, sign))
			}
		}
	}
}

// cutOut replaces secret in s, in any case, with [Redacted].
func cutOut(s, secret string) string {
	for i := 0; i+len(secret) <= len(s); i++ {
		if strings.EqualFold(s[i:i+len(secret)], secret) {
			s = s[:i] + Redacted + s[i+len(secret):]
			i += len(Redacted) - 1
		}
	}
	return s
}
