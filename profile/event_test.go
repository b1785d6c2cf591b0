package profile

import (
	"slices"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/callback"
	"github.com/d13c7061/caddy-tim-callback/internal/sample"
)

func TestSelfUpdate(t *testing.T) {
	for name, tc := range map[string]struct {
		body        string
		self, known bool
	}{
		"self":      {`{"From_Account":"a","Operator_Account":"a","ProfileItem":[]}`, true, true},
		"admin":     {`{"From_Account":"a","Operator_Account":"admin","ProfileItem":[]}`, false, true},
		"empty":     {`{"From_Account":"a","Operator_Account":"","ProfileItem":[]}`, false, true},
		"absent":    {`{"From_Account":"a","ProfileItem":[]}`, false, false},
		"null":      {`{"From_Account":"a","Operator_Account":null,"ProfileItem":[]}`, false, false},
		"no string": {`{"From_Account":"1","Operator_Account":1,"ProfileItem":[]}`, false, false},
	} {
		t.Run(name, func(t *testing.T) {
			if self, known := decode(t, bare, tc.body).SelfUpdate(); self != tc.self || known != tc.known {
				t.Errorf("got %v, %v", self, known)
			}
		})
	}
}

func TestField(t *testing.T) {
	e := decode(t, bare, sample.Body)
	for name, want := range map[string]callback.Value{"nick": `"nick1"`, "custom.Data": `"your custom data"`, "Data": "", "level": ""} {
		if v, ok := e.Field(name); v != want || ok != (want != "") {
			t.Errorf("%s: got %s, %v", name, v, ok)
		}
	}
}

func TestLastOfEach(t *testing.T) {
	long := make([]Member, 1000)
	for i := range long {
		long[i] = Member{string(rune('a' + i%20)), callback.Value(string(rune('A' + i/50)))}
	}
	for _, list := range [][]Member{nil, {{"a", "1"}}, {{"a", "1"}, {"b", "2"}, {"a", "3"}}, long[:16], long[:17], long} {
		var want []Member
		for _, m := range list {
			if i := slices.IndexFunc(want, func(w Member) bool { return w.Name == m.Name }); i >= 0 {
				want[i] = m
			} else {
				want = append(want, m)
			}
		}
		if got := lastOfEach(slices.Clone(list), (*Member).key); !slices.Equal(got, want) {
			t.Errorf("got %v\nwant %v", got, want)
		}
	}
}
