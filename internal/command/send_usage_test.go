package command_test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/d13c7061/caddy-tim-callback/internal/caddytest"
)

func TestSendRefusesFlags(t *testing.T) {
	dir := t.TempDir()
	file := func(name, content string) string {
		name = filepath.Join(dir, name)
		if err := os.WriteFile(name, []byte(content), 0o600); err != nil {
			t.Fatal(err)
		}
		return name
	}
	body, empty, token := file("body", "{}"), file("empty", "\n"), file("token", "secret1 ")
	const url = "https://127.0.0.1:1/"
	for name, test := range map[string]struct {
		url  string
		args []string
		want string
	}{
		"no URL":               {"", nil, "--url: the callback URL is required"},
		"no scheme":            {"localhost:8443", nil, "--url: the URL must begin with https:// or http://"},
		"no host":              {"https:///im", nil, "--url: the URL has no host"},
		"broken URL":           {"https://a b/?Sign=secret1", nil, "--url: the URL is not well-formed"},
		"user in URL":          {"https://u:secret1@h/", nil, "--url: the URL has a user name"},
		"fragment":             {"https://h/#x", nil, "--url: the URL has a #fragment"},
		"no app":               {url, []string{"--sdk-appid", ""}, "--sdk-appid is required"},
		"no number":            {url, []string{"--sdk-appid", "01"}, "--sdk-appid: the SDKAppID is not"},
		"two tokens":           {url, []string{"--token", "secret1", "--token-file", body}, "--token and --token-file cannot be used together"},
		"empty token":          {url, []string{"--token", ""}, "--token: the token is empty"},
		"empty token file":     {url, []string{"--token-file", empty}, "--token-file: the token is empty"},
		"space after token":    {url, []string{"--token-file", token}, "--token-file: the token begins or ends with white space"},
		"missing token file":   {url, []string{"--token-file", filepath.Join(dir, "no")}, "--token-file: open "},
		"long token":           {url, []string{"--token", strings.Repeat("secret1", 20)}, "--token: the token is longer than 128 characters"},
		"insecure and cacert":  {url, []string{"--insecure", "--cacert", body}, "--insecure and --cacert cannot be used together"},
		"no certificate":       {url, []string{"--cacert", body}, "contains no PEM certificate"},
		"cert without key":     {url, []string{"--cert", body}, "--cert and --key must be used together"},
		"key without cert":     {url, []string{"--key", body}, "--cert and --key must be used together"},
		"bad pair":             {url, []string{"--cert", body, "--key", body}, "--cert and --key: tls: failed to find any PEM data"},
		"TLS over plain HTTP":  {"http://127.0.0.1:1/", []string{"--insecure"}, "--insecure needs TLS"},
		"body and item":        {url, []string{"--body", body, "--item", "Tag_A=b"}, "--body and --item cannot be used together"},
		"body and from":        {url, []string{"--body", body, "--from", "id1"}, "--body and --from cannot be used together"},
		"body and operator":    {url, []string{"--body", body, "--operator", "u"}, "--body and --operator cannot be used together"},
		"body and event time":  {url, []string{"--body", body, "--event-time", "1"}, "--body and --event-time cannot be used together"},
		"missing body":         {url, []string{"--body", filepath.Join(dir, "no")}, "--body: open "},
		"command without body": {url, []string{"--command", "Sns.CallbackFriendAdd"}, "--command: Sns.CallbackFriendAdd needs a body of your own, since there is no sample of it: use --body"},
		"all with a body":      {url, []string{"--command", "all", "--body", body}, "--body and --command all cannot be used together"},
		"item of a message":    {url, []string{"--command", "C2C.CallbackAfterSendMsg", "--item", "Tag_A=b"}, "--item describes a change of a profile: without --command Profile.CallbackPortraitSet it cannot be used"},
		"operator of all":      {url, []string{"--command", "all", "--operator", "u"}, "--operator describes a change of a profile: "},
		"message of nobody":    {url, []string{"--command", "C2C.CallbackAfterSendMsg", "--from", ""}, "--from: the UserID is empty"},
		"too late for all":     {url, []string{"--command", "all", "--event-time", "253402300799999"}, "--event-time: 18 callbacks"},
		"too many of each":     {url, []string{"--command", "all", "--count", "9223372036854775807"}, "--count: 9223372036854775807 of each command are too many"},
		"empty command":        {url, []string{"--command", "", "--body", body}, "--command is empty"},
		"empty platform":       {url, []string{"--platform", ""}, "--platform is empty"},
		"no address":           {url, []string{"--client-ip", "localhost"}, "--client-ip: \"localhost\" is not an IP address"},
		"empty user":           {url, []string{"--from", ""}, "--from: the UserID is empty"},
		"empty operator":       {url, []string{"--operator", ""}, "--operator: the UserID is empty"},
		"short form":           {url, []string{"--item", "nick=x"}, "--item: \"nick\" is not a tag"},
		"no uint32":            {url, []string{"--item", "Tag_Profile_IM_Level=high"}, "--item: the value of Tag_Profile_IM_Level must be an integer"},
		"no time":              {url, []string{"--event-time", "yesterday"}, "--event-time: \"yesterday\" is neither"},
		"too late":             {url, []string{"--event-time", "253402300799999", "--count", "2"}, "--event-time: 2 callbacks"},
		"no count":             {url, []string{"--count", "0"}, "--count: 0 is less than 1"},
		"no concurrency":       {url, []string{"--concurrency", "-1"}, "--concurrency: -1 is less than 1"},
		"high concurrency":     {url, []string{"--concurrency", "50001"}, "--concurrency: 50001 is more than 50000"},
		"no rate":              {url, []string{"--rate", "0"}, "--rate: 0 is not"},
		"rate that is none":    {url, []string{"--rate", "NaN"}, "--rate: NaN is not"},
		"endless rate":         {url, []string{"--rate", "Inf"}, "--rate: +Inf is not"},
		"unknown flag":         {url, []string{"--tokne=secret1"}, "unknown flag: --tokne"},
		"argument":             {url, []string{"now"}, "unknown command \"now\""},
	} {
		t.Run(name, func(t *testing.T) {
			r := send(t, test.url, test.args...)
			if r.Code != 1 || r.Stdout != "" || !strings.HasPrefix(r.Stderr, "Error: ") || !strings.Contains(r.Stderr, test.want) || strings.Contains(r.Stderr, "secret1") {
				t.Errorf("got %+v, want %q", r, test.want)
			}
		})
	}
}

// The lines of the help must fit into 80 columns.
func TestSendHelp(t *testing.T) {
	r := caddytest.Run(t, "tim-callback", "send", "--help")
	if r.Code != 0 || !strings.Contains(r.Stdout, "--token-file") {
		t.Errorf("got %+v", r)
	}
	for line := range strings.Lines(r.Stdout) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}
