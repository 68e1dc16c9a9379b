// Package certificates is the broker's side of TLS (https://www.rabbitmq.com/docs/ssl): it makes a crypto/tls configuration of
// ssl_options, and a new one when the files have changed on disk.
package certificates

import (
	"crypto/tls"
	"crypto/x509"
	"fmt"
	"os"
	"sync"
	"time"

	"github.com/rs/zerolog"

	"warren/internal/config"
)

// Store is the files in force.
type Store struct {
	options config.TLS
	log     zerolog.Logger

	mu      sync.Mutex
	seen    [3]stamp // of the files as they were last looked at, good or not
	current *tls.Config
}

// stamp tells a file from the one that was there before.
type stamp struct {
	modified time.Time
	size     int64
}

// Open reads the files for the first time.
func Open(o config.TLS, log zerolog.Logger) (*Store, error) {
	s := &Store{options: o, log: log}
	s.seen = s.look()
	current, err := s.load()
	if err != nil {
		return nil, err
	}
	s.current = current
	return s, nil
}

// Config is for listeners: every handshake takes the files as they are then.
func (s *Store) Config() *tls.Config {
	return &tls.Config{GetConfigForClient: func(*tls.ClientHelloInfo) (*tls.Config, error) { return s.fresh(), nil }}
}

// fresh returns the configuration in force, which changes when the files have and are good.
func (s *Store) fresh() *tls.Config {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.look()
	if now == s.seen {
		return s.current
	}
	s.seen = now
	changed, err := s.load()
	if err != nil {
		s.log.Error().Err(err).Msg("changed TLS files are of no use, those before stay in force")
		return s.current
	}
	s.log.Info().Str("certfile", s.options.CertFile).Msg("changed TLS files are in force")
	s.current = changed
	return s.current
}

func (s *Store) look() (stamps [3]stamp) {
	for i, name := range []string{s.options.CertFile, s.options.KeyFile, s.options.CAFile} {
		if info, err := os.Stat(name); err == nil { // one that cannot be seen is found out by load
			stamps[i] = stamp{info.ModTime(), info.Size()}
		}
	}
	return stamps
}

func (s *Store) load() (*tls.Config, error) {
	o := s.options
	pair, err := keyPair(o.CertFile, o.KeyFile, o.Password)
	if err != nil {
		return nil, err
	}
	c := &tls.Config{
		Certificates: []tls.Certificate{pair}, MinVersion: o.MinVersion, MaxVersion: o.MaxVersion, CipherSuites: o.Ciphers,
	}
	if o.VerifyPeer {
		c.ClientAuth = tls.VerifyClientCertIfGiven
		if o.RequirePeer {
			c.ClientAuth = tls.RequireAndVerifyClientCert
		}
		if c.ClientCAs, err = authorities(o.CAFile); err != nil {
			return nil, err
		}
		c.VerifyConnection = func(state tls.ConnectionState) error { return withinDepth(state, o.Depth) }
	}
	return c, nil
}

func keyPair(certFile, keyFile, password string) (tls.Certificate, error) {
	cert, err := os.ReadFile(certFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("ssl_options.certfile: %w", err)
	}
	key, err := os.ReadFile(keyFile)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("ssl_options.keyfile: %w", err)
	}
	if key, err = decrypt(key, password); err != nil {
		return tls.Certificate{}, fmt.Errorf("ssl_options.keyfile %s: %w", keyFile, err)
	}
	pair, err := tls.X509KeyPair(cert, key)
	if err != nil {
		return tls.Certificate{}, fmt.Errorf("ssl_options.certfile %s with ssl_options.keyfile %s: %w", certFile, keyFile, err)
	}
	return pair, nil
}

func authorities(file string) (*x509.CertPool, error) {
	pem, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("ssl_options.cacertfile: %w", err)
	}
	pool := x509.NewCertPool()
	if !pool.AppendCertsFromPEM(pem) {
		return nil, fmt.Errorf("ssl_options.cacertfile %s: there is no certificate in it", file)
	}
	return pool, nil
}

// withinDepth wants one chain with at most depth authorities between the client's certificate and one of ours.
func withinDepth(state tls.ConnectionState, depth int) error {
	shortest := -1
	for _, chain := range state.VerifiedChains {
		if between := len(chain) - 2; shortest < 0 || between < shortest {
			shortest = max(between, 0)
		}
	}
	if shortest > depth {
		return fmt.Errorf("the client's certificate is %d authorities away from ours, ssl_options.depth allows %d", shortest, depth)
	}
	return nil
}
