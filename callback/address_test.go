package callback

import "testing"

func TestCanonicalIP(t *testing.T) {
	for s, want := range map[string]string{
		"": "", "127.0.0.1": "127.0.0.1", "::1": "::1",
		"2001:DB8::1": "2001:db8::1",
		"2001:0db8:0000:0000:0000:0000:0000:0001": "2001:db8::1",
		"2001:db8:0:1:1:1:1:1":                    "2001:db8:0:1:1:1:1:1",
		"1:0:0:2:0:0:0:3":                         "1:0:0:2::3",
		"::FFFF:192.0.2.1":                        "::ffff:192.0.2.1",
		"FE80::1%eth0":                            "fe80::1%eth0",
		"[::1]":                                   "[::1]",
		"::1:x":                                   "::1:x",
		"127.0.0.1:80":                            "127.0.0.1:80",
		"010.0.0.1":                               "010.0.0.1",
	} {
		if got := CanonicalIP(s); got != want {
			t.Errorf("%s: got %s, want %s", s, got, want)
		}
	}
}
