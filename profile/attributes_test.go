package profile

import (
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

func TestAttributes(t *testing.T) {
	least := decode(t, bare, withItems(""))
	for name, tc := range map[string]struct {
		e    *Event
		want callback.Attributes
	}{
		"sample": {decode(t, parseQuery(t, sample.Query), sample.Body), callback.Attributes{
			ID:           sample.EventID,
			SDKAppID:     "1400000000",
			Command:      "Profile.CallbackPortraitSet",
			Subject:      "id1",
			Time:         "2022-07-04T07:50:52.497Z",
			PartitionKey: "1400000000/id1",
			Operator:     "id1",
			Platform:     "ios",
			ClientIP:     "127.0.0.1",
			Changed:      "nick,gender,allow_type,custom.Data",
		}},
		"what is absent is empty": {least, callback.Attributes{
			ID:           least.ID(),
			SDKAppID:     "1",
			Command:      "Profile.CallbackPortraitSet",
			Subject:      "u",
			PartitionKey: "1/u",
		}},
	} {
		t.Run(name, func(t *testing.T) {
			if got := tc.e.Attributes(); got != tc.want {
				t.Errorf("got %+v\nwant %+v", got, tc.want)
			}
		})
	}
}

// An IPv6 address is always written in the same form, in whichever form it was sent.
func TestClientIP(t *testing.T) {
	q := bare
	q.ClientIP = "2001:DB8:0:0::1"
	e := decode(t, q, withItems(""))
	if e.ClientIP != "2001:db8::1" || e.Attributes().ClientIP != "2001:db8::1" {
		t.Errorf("got %s", e.ClientIP)
	}
}
