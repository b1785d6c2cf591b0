package callback

import (
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"time"
)

// MaxTokenLength is the length, in characters, of the longest token that Tencent's
// console accepts.
const MaxTokenLength = 128

// DefaultMaxAge is how far RequestTime may be from now according to Tencent's advice.
const DefaultMaxAge = time.Minute

// Sign returns the value of the parameter Sign: the lower-case hex of
// sha256(token + requestTime), where requestTime is the value of the parameter
// RequestTime as it is sent. Sign covers neither the body nor the other parameters.
func Sign(token, requestTime string) string {
	sum := sign(token, requestTime)
	return hex.EncodeToString(sum[:])
}

func sign(token, requestTime string) [sha256.Size]byte {
	buf := make([]byte, 0, MaxTokenLength+len("18446744073709551615"))
	buf = append(buf, token...)
	buf = append(buf, requestTime...)
	return sha256.Sum256(buf)
}

// ParseSDKAppID reads an SDKAppID: a decimal number from 1 to 2^64-1 without leading
// zeros. It returns an error for anything else. The error does not contain s, because
// s may be a token that was put in the wrong place.
func ParseSDKAppID(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 || s[0] == '0' || s[0] == '+' {
		return 0, errors.New("the SDKAppID is not a plain decimal number from 1 to 2^64-1")
	}
	return n, nil
}

// CheckToken returns an error if a token is empty, is longer than [MaxTokenLength]
// characters, or begins or ends with white space. The error's text continues a sentence
// that begins with "the token", and does not contain the token.
func CheckToken(token string) error {
	switch {
	case token == "":
		return errors.New("is empty")
	case len([]rune(token)) > MaxTokenLength:
		return fmt.Errorf("is longer than %d characters", MaxTokenLength)
	case token != strings.TrimSpace(token):
		return errors.New("begins or ends with white space")
	}
	return nil
}

// App is an app that may send callbacks.
type App struct {
	// SDKAppID is the app's SDKAppID, as the console shows it.
	SDKAppID string

	// Tokens are the callback tokens that were set for the app in the console. Each
	// of them is accepted, so that a token can be rotated. If there are none, the
	// app's requests need not be signed, and their Sign is ignored.
	Tokens []string
}

// Verifier checks that a callback comes from one of its apps. It is safe for
// concurrent use.
type Verifier struct {
	apps   map[string]*verifiedApp // by SDKAppID
	maxAge int64                   // seconds
}

// verifiedApp remembers the correct Signs of the last second that was asked for, since
// all requests of the same second have the same Sign.
type verifiedApp struct {
	tokens []string
	last   atomic.Pointer[signs]
}

type signs struct {
	requestTime string
	sums        [][sha256.Size]byte // one for each token
}

func (a *verifiedApp) signs(requestTime string) *signs {
	s := a.last.Load()
	if s == nil || s.requestTime != requestTime {
		// requestTime is cloned because the original would keep the whole URL in memory
		s = &signs{strings.Clone(requestTime), make([][sha256.Size]byte, len(a.tokens))}
		for i, token := range a.tokens {
			s.sums[i] = sign(token, requestTime)
		}
		a.last.Store(s)
	}
	return s
}

// NewVerifier returns a Verifier for apps. RequestTime may be up to maxAge, in whole
// seconds, before or after the present time. NewVerifier returns an error if there is no
// app, if an app is configured twice, if maxAge is not greater than zero, or if
// [ParseSDKAppID] or [CheckToken] does not accept an SDKAppID or a token. Errors refer to
// an app by its position in apps, and contain neither IDs nor tokens.
func NewVerifier(maxAge time.Duration, apps ...App) (*Verifier, error) {
	if len(apps) == 0 {
		return nil, errors.New("no app is configured")
	}
	if maxAge <= 0 {
		return nil, fmt.Errorf("max age %s is not greater than zero", maxAge)
	}
	v := &Verifier{apps: make(map[string]*verifiedApp, len(apps)), maxAge: int64(maxAge / time.Second)}
	for n, app := range apps {
		if _, err := ParseSDKAppID(app.SDKAppID); err != nil {
			return nil, fmt.Errorf("app %d: %w", n+1, err)
		}
		if _, twice := v.apps[app.SDKAppID]; twice {
			return nil, fmt.Errorf("app %d: its SDKAppID is configured twice", n+1)
		}
		for i, token := range app.Tokens {
			if err := CheckToken(token); err != nil {
				return nil, fmt.Errorf("app %d: token %d %w", n+1, i+1, err)
			}
		}
		v.apps[app.SDKAppID] = &verifiedApp{tokens: slices.Clone(app.Tokens)}
	}
	return v, nil
}

// Verify checks that q names one of the apps. If that app has tokens, Verify also checks
// that RequestTime is close enough to now and that Sign matches one of the tokens. Signs
// are compared in constant time; their hex digits may be in either case. Errors are
// [*Error] with [ReasonUnknownApp], [ReasonUnsigned], [ReasonStale] or [ReasonBadSign].
func (v *Verifier) Verify(q Query, now time.Time) error {
	app, ok := v.apps[q.SDKAppID]
	switch {
	case !ok:
		return refuse(ReasonUnknownApp, "")
	case len(app.tokens) == 0:
		return nil
	case q.Sign == "" || q.RequestTime == "":
		return refuse(ReasonUnsigned, "")
	}
	// ParseUint accepts digits only: no sign, no space and no underscore
	sent, err := strconv.ParseUint(q.RequestTime, 10, 63)
	if err != nil || len(q.RequestTime) > len("18446744073709551615") {
		return refuse(ReasonStale, "RequestTime is not a Unix time in seconds")
	}
	// both are non-negative, so the difference cannot overflow
	switch age := max(now.Unix(), 0) - int64(sent); {
	case age > v.maxAge:
		return refuse(ReasonStale, "it lies in the past, or this server's clock is ahead")
	case age < -v.maxAge:
		return refuse(ReasonStale, "it lies in the future, or this server's clock is behind")
	}
	var got [sha256.Size]byte
	if len(q.Sign) != hex.EncodedLen(len(got)) {
		return refuse(ReasonBadSign, "")
	}
	var text [2 * sha256.Size]byte
	copy(text[:], q.Sign)
	if _, err := hex.Decode(got[:], text[:]); err != nil {
		return refuse(ReasonBadSign, "")
	}
	match := 0
	for _, want := range app.signs(q.RequestTime).sums {
		match |= subtle.ConstantTimeCompare(got[:], want[:])
	}
	if match != 1 {
		return refuse(ReasonBadSign, "")
	}
	return nil
}
