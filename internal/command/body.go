package command

import (
	"errors"
	"fmt"
	"io"
	"os"

	caddycmd "github.com/caddyserver/caddy/v2/cmd"

	"github.com/d13c7061/caddy-tim-callback/internal/tencent"
)

// parseCommand reads --command and --body. If there is no --body, body is nil and the
// caller must make one. without has the flags that describe such a body, which cannot be
// used together with --body.
func parseCommand(flags caddycmd.Flags, stdin io.Reader, without ...string) (command string, body []byte, err error) {
	if command = flags.String("command"); command == "" {
		return "", nil, errors.New("--command is empty")
	}
	if !flags.Changed("body") {
		if err := tencent.CanMakeBody(command); err != nil {
			return "", nil, fmt.Errorf("--command: %w: use --body", err)
		}
		return command, nil, nil
	}
	for _, name := range without {
		if flags.Changed(name) {
			return "", nil, fmt.Errorf("--body and --%s cannot be used together", name)
		}
	}
	body, err = readBody(flags, "body", stdin)
	return command, body, err
}

// readBody returns the content of the file that a flag names. It is not nil, even if the
// file is empty.
func readBody(flags caddycmd.Flags, flag string, stdin io.Reader) (body []byte, err error) {
	if name := flags.String(flag); name == "-" {
		body, err = io.ReadAll(stdin)
	} else {
		body, err = os.ReadFile(name)
	}
	if err != nil {
		return nil, fmt.Errorf("--%s: %w", flag, err)
	}
	return append([]byte{}, body...), nil
}
