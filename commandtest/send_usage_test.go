package commandtest

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
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
		"no scheme":            {"localhost:8443", nil, "--url: a URL that begins with https:// or http://"},
		"no host":              {"https:///im", nil, "--url: the URL has no host"},
		"broken URL":           {"https://a b/?Sign=secret1", nil, "--url: not a well-formed URL"},
		"user in URL":          {"https://u:secret1@h/", nil, "--url: the URL has a user name"},
		"fragment":             {"https://h/#x", nil, "--url: the URL has a #fragment"},
		"no app":               {url, []string{"--sdk-appid", ""}, "--sdk-appid is required"},
		"no number":            {url, []string{"--sdk-appid", "01"}, "--sdk-appid: SDKAppID \\\"01\\\" is not"},
		"two tokens":           {url, []string{"--token", "secret1", "--token-file", body}, "--token and --token-file exclude each other"},
		"empty token":          {url, []string{"--token", ""}, "--token: the token is empty"},
		"empty token file":     {url, []string{"--token-file", empty}, "--token-file: the token is empty"},
		"space after token":    {url, []string{"--token-file", token}, "--token-file: the token begins or ends with white space"},
		"missing token file":   {url, []string{"--token-file", filepath.Join(dir, "no")}, "--token-file: open "},
		"long token":           {url, []string{"--token", strings.Repeat("secret1", 20)}, "--token: the token is longer than 128 characters"},
		"insecure and cacert":  {url, []string{"--insecure", "--cacert", body}, "--insecure and --cacert exclude each other"},
		"no certificate":       {url, []string{"--cacert", body}, "holds no PEM certificate"},
		"cert without key":     {url, []string{"--cert", body}, "--cert and --key go together"},
		"key without cert":     {url, []string{"--key", body}, "--cert and --key go together"},
		"bad pair":             {url, []string{"--cert", body, "--key", body}, "--cert and --key: tls: failed to find any PEM data"},
		"TLS over plain HTTP":  {"http://127.0.0.1:1/", []string{"--insecure"}, "--insecure is about TLS"},
		"body and item":        {url, []string{"--body", body, "--item", "Tag_A=b"}, "--body and --item exclude each other"},
		"body and from":        {url, []string{"--body", body, "--from", "id1"}, "--body and --from exclude each other"},
		"body and operator":    {url, []string{"--body", body, "--operator", "u"}, "--body and --operator exclude each other"},
		"body and event time":  {url, []string{"--body", body, "--event-time", "1"}, "--body and --event-time exclude each other"},
		"missing body":         {url, []string{"--body", filepath.Join(dir, "no")}, "--body: open "},
		"command without body": {url, []string{"--command", "State.StateChange"}, "--command State.StateChange needs its --body"},
		"empty command":        {url, []string{"--command", "", "--body", body}, "--command is empty"},
		"empty platform":       {url, []string{"--platform", ""}, "--platform is empty"},
		"no address":           {url, []string{"--client-ip", "localhost"}, "--client-ip: \\\"localhost\\\" is not an IP address"},
		"empty user":           {url, []string{"--from", ""}, "--from: a UserID is not empty"},
		"empty operator":       {url, []string{"--operator", ""}, "--operator: a UserID is not empty"},
		"short form":           {url, []string{"--item", "nick=x"}, "--item: \\\"nick\\\" is not a tag"},
		"no uint32":            {url, []string{"--item", "Tag_Profile_IM_Level=high"}, "--item: the value of Tag_Profile_IM_Level is an integer"},
		"no time":              {url, []string{"--event-time", "yesterday"}, "--event-time: \\\"yesterday\\\" is neither"},
		"too late":             {url, []string{"--event-time", "253402300799999", "--count", "2"}, "--event-time: 2 callbacks"},
		"no count":             {url, []string{"--count", "0"}, "--count: 0 is not at least 1"},
		"no concurrency":       {url, []string{"--concurrency", "-1"}, "--concurrency: -1 is not at least 1"},
		"high concurrency":     {url, []string{"--concurrency", "50001"}, "--concurrency: 50001 is more than 50000"},
		"no rate":              {url, []string{"--rate", "0"}, "--rate: 0 is not"},
		"rate that is none":    {url, []string{"--rate", "NaN"}, "--rate: NaN is not"},
		"endless rate":         {url, []string{"--rate", "Inf"}, "--rate: +Inf is not"},
		"unknown flag":         {url, []string{"--tokne=secret1"}, "unknown flag: --tokne"},
		"argument":             {url, []string{"now"}, "unknown command \"now\""},
	} {
		t.Run(name, func(t *testing.T) {
			r := send(t, test.url, test.args...)
			if r.code != 1 || r.stdout != "" || !strings.Contains(r.stderr, test.want) || strings.Contains(r.stderr, "secret1") {
				t.Errorf("got %+v, want %q", r, test.want)
			}
		})
	}
}

// Lines of the help are read in terminals of 80 columns.
func TestSendHelp(t *testing.T) {
	r := run(t, "tim-callback", "send", "--help")
	if r.code != 0 || !strings.Contains(r.stdout, "--token-file") {
		t.Errorf("got %+v", r)
	}
	for line := range strings.Lines(r.stdout) {
		if len(line) > 81 {
			t.Errorf("%d columns: %s", len(line)-1, line)
		}
	}
}
