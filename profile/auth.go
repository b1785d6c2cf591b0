package profile

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

// MaxTokenLength is the longest token that Tencent's console takes, in characters.
const MaxTokenLength = 128

// DefaultMaxAge is Tencent's advice for how far RequestTime may be from now.
const DefaultMaxAge = time.Minute

// Sign returns what Tencent sends as Sign: the lower-case hex of
// sha256(token + requestTime), where requestTime is the parameter as sent.
// It covers neither the body nor the other parameters.
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

// ParseSDKAppID reads an SDKAppID: plain decimal digits without leading zeros,
// 1 to 2^64-1.
func ParseSDKAppID(s string) (uint64, error) {
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil || n == 0 || s[0] == '0' || s[0] == '+' {
		return 0, fmt.Errorf("SDKAppID %q is not a plain decimal number from 1 to 2^64-1", s)
	}
	return n, nil
}

// CheckToken says what is wrong with a token, in words to follow "the token" and
// without it: it is empty, longer than [MaxTokenLength] characters, or has white
// space around it.
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

	// Tokens are the callback tokens of the app's console; each of them is
	// accepted, so that a token can be rotated. None: requests of the app are
	// not required to be signed, and a Sign that is there is not looked at.
	Tokens []string
}

// Verifier checks that a callback is one of its apps'. It is safe for
// concurrent use.
type Verifier struct {
	apps   map[string]*verifiedApp // by SDKAppID
	maxAge int64                   // seconds
}

// verifiedApp remembers the right Signs of one second, since Tencent signs all
// requests of a second alike.
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
		// a clone, since the original would hold on to the whole URL
		s = &signs{strings.Clone(requestTime), make([][sha256.Size]byte, len(a.tokens))}
		for i, token := range a.tokens {
			s.sums[i] = sign(token, requestTime)
		}
		a.last.Store(s)
	}
	return s
}

// NewVerifier makes a Verifier for apps. RequestTime may be maxAge away from
// now, either way, in whole seconds. It is an error to name no app or one twice,
// an SDKAppID that [ParseSDKAppID] does not take, a maxAge that is not positive,
// and a token that [CheckToken] does not take. Errors never hold a token.
func NewVerifier(maxAge time.Duration, apps ...App) (*Verifier, error) {
	if len(apps) == 0 {
		return nil, errors.New("no app is configured")
	}
	if maxAge <= 0 {
		return nil, fmt.Errorf("max age %s is not greater than zero", maxAge)
	}
	v := &Verifier{apps: make(map[string]*verifiedApp, len(apps)), maxAge: int64(maxAge / time.Second)}
	for _, app := range apps {
		if _, err := ParseSDKAppID(app.SDKAppID); err != nil {
			return nil, err
		}
		if _, twice := v.apps[app.SDKAppID]; twice {
			return nil, fmt.Errorf("app %s is configured twice", app.SDKAppID)
		}
		for i, token := range app.Tokens {
			if err := CheckToken(token); err != nil {
				return nil, fmt.Errorf("app %s: token %d %w", app.SDKAppID, i+1, err)
			}
		}
		v.apps[app.SDKAppID] = &verifiedApp{tokens: slices.Clone(app.Tokens)}
	}
	return v, nil
}

// Verify checks that q names one of the apps and, where that app has tokens,
// that RequestTime is fresh at now and Sign matches one of them. Signs are
// compared in constant time, without hex case. Errors are [*Error] with
// [ReasonUnknownApp], [ReasonUnsigned], [ReasonStale] or [ReasonBadSign].
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
	// ParseUint takes no sign, no space and no underscore
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
