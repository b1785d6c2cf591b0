package callback

import (
	"net/netip"
	"strings"
)

// CanonicalIP returns an IPv6 address in its canonical form (RFC 5952), so that the same
// address is always written in the same way. Anything else is returned unchanged.
func CanonicalIP(s string) string {
	if strings.IndexByte(s, ':') < 0 {
		return s
	}
	address, err := netip.ParseAddr(s)
	if err != nil {
		return s
	}
	return address.String()
}
