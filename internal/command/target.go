package command

import (
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"net/url"
	"os"
	"strings"

	"github.com/spf13/pflag"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/d13c7061/caddy-tim-callback/callback"
)

// tokenVariable is the environment variable that has the token if no flag has it.
const tokenVariable = "TIM_CALLBACK_TOKEN"

// target is the endpoint that a command sends callbacks to, and the app in whose name.
type target struct {
	url   string // absolute, http or https, with a host
	app   string // a valid SDKAppID
	token string // if it is "", callbacks are not signed
	tls   *tls.Config
}

// targetFlags defines the flags that parseTarget reads.
func targetFlags(flags *pflag.FlagSet) {
	flags.String("url", "", "Callback `URL`, as in Tencent's console (required)")
	flags.String("sdk-appid", "", "SDKAppID of the app (required)")
	flags.String("token", "", "Callback token (default $"+tokenVariable+")")
	flags.String("token-file", "", "A `file` that contains the callback token")
	flags.Bool("insecure", false, "Trust any certificate of the server")
	flags.String("cacert", "", "PEM `file` of CAs to trust instead of the system's")
	flags.String("cert", "", "PEM `file` of the client certificate to present")
	flags.String("key", "", "PEM `file` of the client certificate's private key")
}

// parseTarget reads the flags of targetFlags. Errors name the flag, and never contain the
// token.
func parseTarget(flags caddycmd.Flags) (target, error) {
	t := target{url: flags.String("url"), app: flags.String("sdk-appid")}
	secure, err := checkURL(t.url)
	if err != nil {
		return target{}, fmt.Errorf("--url: %w", err)
	}
	if t.app == "" {
		return target{}, errors.New("--sdk-appid is required")
	}
	if _, err := callback.ParseSDKAppID(t.app); err != nil {
		return target{}, fmt.Errorf("--sdk-appid: %w", err)
	}
	if t.token, err = parseToken(flags); err != nil {
		return target{}, err
	}
	if t.tls, err = parseTLS(flags, secure); err != nil {
		return target{}, err
	}
	return t, nil
}

func checkURL(s string) (secure bool, err error) {
	if s == "" {
		return false, errors.New("the callback URL is required")
	}
	// the error of url.Parse is not returned: it contains the URL, in which there may be a password
	u, err := url.Parse(s)
	switch {
	case err != nil:
		return false, errors.New("the URL is not well-formed")
	case u.Scheme != "https" && u.Scheme != "http":
		return false, errors.New("the URL must begin with https:// or http://")
	case u.Hostname() == "":
		return false, errors.New("the URL has no host")
	case u.User != nil:
		return false, errors.New("the URL has a user name, which Tencent would not send")
	case u.Fragment != "":
		return false, errors.New("the URL has a #fragment, which is never sent")
	}
	return u.Scheme == "https", nil
}

func parseToken(flags caddycmd.Flags) (string, error) {
	token, source := os.Getenv(tokenVariable), tokenVariable
	byFlag, byFile := flags.Changed("token"), flags.Changed("token-file")
	switch {
	case byFlag && byFile:
		return "", errors.New("--token and --token-file cannot be used together")
	case byFlag:
		token, source = flags.String("token"), "--token"
	case byFile:
		content, err := os.ReadFile(flags.String("token-file"))
		if err != nil {
			return "", fmt.Errorf("--token-file: %w", err)
		}
		// editors and echo end a file with a line break, which is not part of the token
		token, source = strings.TrimRight(string(content), "\r\n"), "--token-file"
	case token == "":
		return "", nil
	}
	if err := callback.CheckToken(token); err != nil {
		return "", fmt.Errorf("%s: the token %w", source, err)
	}
	return token, nil
}

func parseTLS(flags caddycmd.Flags, secure bool) (*tls.Config, error) {
	if !secure {
		for _, name := range []string{"insecure", "cacert", "cert", "key"} {
			if flags.Changed(name) {
				return nil, fmt.Errorf("--%s needs TLS, but the URL begins with http://", name)
			}
		}
		return nil, nil
	}
	config := &tls.Config{InsecureSkipVerify: flags.Bool("insecure")}
	if name := flags.String("cacert"); name != "" {
		if config.InsecureSkipVerify {
			return nil, errors.New("--insecure and --cacert cannot be used together")
		}
		content, err := os.ReadFile(name)
		if err != nil {
			return nil, fmt.Errorf("--cacert: %w", err)
		}
		config.RootCAs = x509.NewCertPool()
		if !config.RootCAs.AppendCertsFromPEM(content) {
			return nil, fmt.Errorf("--cacert: %s contains no PEM certificate", name)
		}
	}
	cert, key := flags.String("cert"), flags.String("key")
	if (cert == "") != (key == "") {
		return nil, errors.New("--cert and --key must be used together")
	}
	if cert != "" {
		pair, err := tls.LoadX509KeyPair(cert, key)
		if err != nil {
			return nil, fmt.Errorf("--cert and --key: %w", err)
		}
		config.Certificates = []tls.Certificate{pair}
	}
	return config, nil
}
