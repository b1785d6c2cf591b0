package checker

import (
	"context"
	"crypto/tls"
	"errors"
	"net/http"
)

// errSeen ends a handshake after its state has been seen.
var errSeen = errors.New("seen")

// handshake begins a TLS connection with a version from least to most and returns its state.
// It accepts any certificate, and sends no request.
func (s *session) handshake(least, most uint16) (*tls.ConnectionState, error) {
	config := &tls.Config{}
	if s.TLS != nil {
		config = s.TLS.Clone()
	}
	var seen *tls.ConnectionState
	config.MinVersion, config.MaxVersion = least, most
	config.InsecureSkipVerify = true // the probes verify the certificate, one property each
	config.VerifyConnection = func(state tls.ConnectionState) error {
		seen = &state
		return errSeen
	}
	if most == tls.VersionTLS11 {
		for _, suite := range append(tls.CipherSuites(), tls.InsecureCipherSuites()...) {
			config.CipherSuites = append(config.CipherSuites, suite.ID)
		}
	}
	sender := s.newSender(config)
	defer sender.Close()
	r, err := http.NewRequestWithContext(s.ctx, http.MethodHead, s.URL, nil)
	if err != nil {
		return nil, err
	}
	x := sender.Send(r)
	if seen == nil {
		return nil, x.Err
	}
	return seen, nil
}

func speaksTLS(s *session) outcome {
	if s.url.Scheme == "http" {
		return failed("the callback URL begins with http://")
	}
	state, err := s.handshake(tls.VersionTLS12, 0)
	if state != nil {
		s.connection = state
		return passed("%s", tls.VersionName(state.Version))
	}
	if old, _ := s.handshake(tls.VersionTLS10, tls.VersionTLS11); old != nil {
		s.connection = old
		return failed("it supports nothing newer than %s", tls.VersionName(old.Version))
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return failed("no TLS connection within %v", s.Wait)
	}
	return failed("no TLS connection: %s", s.clean(err.Error()))
}

func refusesOldTLS(s *session) outcome {
	if s.connection == nil {
		return s.noConnection()
	}
	old := s.connection
	if old.Version >= tls.VersionTLS12 {
		old, _ = s.handshake(tls.VersionTLS10, tls.VersionTLS11)
	}
	if old != nil {
		return failed("it accepts %s", tls.VersionName(old.Version))
	}
	return passed("no connection with these versions")
}

// noConnection returns the outcome of a probe that needs a TLS connection if there is none.
func (s *session) noConnection() outcome {
	if s.url.Scheme == "http" {
		return skipped("there is no TLS")
	}
	return notTold("there is no TLS connection")
}
