package postgres

import (
	"cmp"
	"context"
	"crypto/tls"
	"crypto/x509"
	"errors"
	"fmt"
	"io/fs"
	"net"
	"strings"

	"github.com/jackc/pgx/v5/pgconn"
)

// example is what an unreadable connection string is answered with.
const example = "it is not a connection string of PostgreSQL, such as postgres://user@host/db?sslmode=verify-full or host=… user=… dbname=…"

// explainParse leaves out what the parser's error quotes: in a URL, a password with unescaped characters is
// taken for another part.
func explainParse(err error, hidden bool) error {
	text := example
	parseErr, ok := errors.AsType[*pgconn.ParseConfigError](err)
	if !ok {
		return errors.New(text)
	}
	_, what, _ := strings.Cut(parseErr.Error(), "`: ")
	what, _, _ = strings.Cut(what, " (")
	if fileErr, ok := errors.AsType[*fs.PathError](err); ok {
		if hidden {
			return fmt.Errorf("%s: a file that it names cannot be read: %w", what, fileErr.Err)
		}
		return fmt.Errorf("%s: %w", what, fileErr)
	}
	if strings.Contains(parseErr.ConnString, "://") {
		text += "; in a URL, characters such as / ? # @ : % in the password must be percent-encoded"
	}
	return fmt.Errorf("%s: %s", cmp.Or(what, "unknown error"), text)
}

// permanentError is an error that trying again cannot help.
type permanentError struct{ error }

func (e permanentError) Unwrap() error { return e.error }

// explain returns what is wrong with a server, what can be done, and whether trying again may help.
func (t *target) explain(err error, schema string) error {
	if err == nil {
		return nil
	}
	pgErr, ok := errors.AsType[*pgconn.PgError](err)
	if permanent, ok := errors.AsType[permanentError](err); ok {
		return permanentError{fmt.Errorf("%s: %w", t.name(), permanent.error)}
	}
	switch {
	case errors.Is(err, errFormer):
		return fmt.Errorf("%s: %w", t.name(), errFormer)
	case errors.Is(err, errStandby):
		return fmt.Errorf("%s: %w", t.name(), errStandby)
	case !ok:
		return fmt.Errorf("%s does not answer: %w", t.name(), t.withoutValues(err))
	}
	var what string
	switch pgErr.Code {
	case "28P01", "28000":
		what = "it refuses the user or the password: check the dsn and the server's pg_hba.conf"
	case "3D000":
		what = "the database does not exist: create it, or correct the dsn"
	case "42501":
		what = fmt.Sprintf("the user lacks rights in schema %s: grant them, or let another role apply the schema and set `migrations off`", schema)
	case "3F000", "42P01":
		what = fmt.Sprintf("schema %s has no tables of this module: apply the shipped schema/1.sql, or leave out `migrations off`", schema)
	}
	text := fmt.Errorf("%s (SQLSTATE %s)", cmp.Or(what, "it reports an error: "+pgErr.Message), pgErr.Code)
	if what == "" {
		return fmt.Errorf("%s: %w", t.name(), text)
	}
	return permanentError{fmt.Errorf("%s: %w", t.name(), text)}
}

// certificateProblem says what is wrong with the server's certificate, if that is the cause of an error.
func certificateProblem(err error) string {
	verifyErr, ok := errors.AsType[*tls.CertificateVerificationError](err)
	if !ok {
		return ""
	}
	if _, ok := errors.AsType[x509.HostnameError](verifyErr.Err); ok {
		return "the server's certificate is for another host name"
	}
	if invalid, ok := errors.AsType[x509.CertificateInvalidError](verifyErr.Err); ok && invalid.Reason == x509.Expired {
		return "the server's certificate has expired, or is not valid yet"
	}
	return "the server's certificate is not signed by an authority that is trusted here (sslrootcert names one)"
}

// withoutValues shortens an error of connecting, whose text has the user and the hosts.
func (t *target) withoutValues(err error) error {
	if timeout := net.Error(nil); errors.As(err, &timeout) && timeout.Timeout() || errors.Is(err, context.DeadlineExceeded) {
		return errors.New("the time is up")
	}
	if problem := certificateProblem(err); problem != "" {
		return errors.New(problem)
	}
	if !t.hidden {
		if opErr, ok := errors.AsType[*net.OpError](err); ok {
			return opErr
		}
		if connectErr, ok := errors.AsType[*pgconn.ConnectError](err); ok {
			return errors.New(strings.ReplaceAll(connectErr.Unwrap().Error(), "\n", ","))
		}
		return err
	}
	if opErr, ok := errors.AsType[*net.OpError](err); ok {
		return opErr.Err
	}
	return errors.New("the connection failed")
}
