package flow

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
	"warren/test/raw"
)

// authority is a certificate that can sign others.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

func issue(t *testing.T, by *authority, name string) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	must(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{Organization: []string{"Acme, Inc"}, CommonName: name},
		DNSNames: []string{name}, IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, NotBefore: time.Now().Add(-time.Hour),
		NotAfter: time.Now().Add(time.Hour), IsCA: by == nil, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	if by == nil {
		by = &authority{template, key}
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, &key.PublicKey, by.key)
	must(t, err)
	cert, err := x509.ParseCertificate(der)
	must(t, err)
	return &authority{cert, key}
}

func (a *authority) pair() tls.Certificate {
	return tls.Certificate{Certificate: [][]byte{a.cert.Raw}, PrivateKey: a.key}
}

// write puts certificate and key into a folder; the time of both tells them from what was there.
func (a *authority) write(t *testing.T, dir string, when time.Time) {
	t.Helper()
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	must(t, err)
	for file, block := range map[string]*pem.Block{
		"cert.pem": {Type: "CERTIFICATE", Bytes: a.cert.Raw}, "key.pem": {Type: "PRIVATE KEY", Bytes: der},
	} {
		path := filepath.Join(dir, file)
		must(t, os.WriteFile(path, pem.EncodeToMemory(block), 0o600))
		must(t, os.Chtimes(path, when, when))
	}
}

// secured is a broker with a TLS listener, and what its clients trust.
type secured struct {
	*broker.Broker
	dir    string
	root   *authority
	addr   string
	client *tls.Config
}

func startSecured(t *testing.T, opts ...broker.Option) *secured {
	t.Helper()
	s := &secured{dir: t.TempDir(), root: issue(t, nil, "root"), client: &tls.Config{RootCAs: x509.NewCertPool()}}
	s.client.RootCAs.AddCert(s.root.cert)
	issue(t, s.root, "localhost").write(t, s.dir, time.Now().Add(-time.Hour))
	ca := filepath.Join(s.dir, "ca.pem")
	must(t, os.WriteFile(ca, pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: s.root.cert.Raw}), 0o600))
	s.Broker = broker.Start(t, append([]broker.Option{
		broker.Set("listeners.ssl.default", "127.0.0.1:0"), broker.Set("ssl_options.cacertfile", ca),
		broker.Set("ssl_options.certfile", filepath.Join(s.dir, "cert.pem")), broker.Set("ssl_options.keyfile", filepath.Join(s.dir, "key.pem")),
		broker.Set("ssl_options.verify", "verify_peer"),
	}, opts...)...)
	s.addr = s.Listener(t, "amqp/ssl", "default")
	return s
}

// dial connects over TLS, with a certificate when there is one.
func (s *secured) dial(t *testing.T, who *authority, sasl ...amqp.Authentication) (*amqp.Connection, error) {
	t.Helper()
	c := s.client.Clone()
	if who != nil {
		c.Certificates = []tls.Certificate{who.pair()}
	}
	conn, err := amqp.DialConfig("amqps://guest:guest@"+s.addr+"/", amqp.Config{TLSClientConfig: c, SASL: sasl})
	if err == nil {
		t.Cleanup(func() { conn.Close() })
	}
	return conn, err
}

func TestP18_TLS(t *testing.T) {
	s := startSecured(t, broker.Set("auth_mechanisms.1", "EXTERNAL"), broker.Set("auth_mechanisms.2", "PLAIN"),
		broker.Set("default_user", "CN=client,O=Acme\\, Inc"), broker.Set("default_pass", "guest"), broker.Set("anonymous_login_user", "none"))
	client := issue(t, s.root, "client")
	password := &amqp.PlainAuth{Username: "CN=client,O=Acme\\, Inc", Password: "guest"}
	t.Run("P-18 a message over TLS, whole and large", func(t *testing.T) {
		conn, err := s.dial(t, nil, password)
		must(t, err)
		ch := channelOn(t, conn)
		q := queue(t, ch, "q")
		body := strings.Repeat("x", 1<<20)
		for range 3 {
			publish(t, ch, "", q, body)
		}
		publish(t, ch, "", q, "small")
		for range 3 {
			if got := get(t, ch, q); got != body {
				t.Fatalf("%d bytes came back", len(got))
			}
		}
		if got := get(t, ch, q); got != "small" {
			t.Fatalf("got %q", got)
		}
		if rows := broker.Rows[struct{ SSL bool }](t, s.Broker, "list_connections", "ssl"); len(rows) != 1 || !rows[0].SSL {
			t.Errorf("list_connections says %+v", rows)
		}
	})
	t.Run("P-06 EXTERNAL takes the user from the certificate", func(t *testing.T) {
		_, err := s.dial(t, client, &amqp.ExternalAuth{})
		must(t, err)
	})
	t.Run("P-07 EXTERNAL of a user that is not there", func(t *testing.T) {
		_, err := s.dial(t, issue(t, s.root, "stranger"), &amqp.ExternalAuth{})
		if err == nil {
			t.Fatal("it was let in")
		}
	})
	t.Run("P-07 EXTERNAL without a certificate", func(t *testing.T) {
		if _, err := s.dial(t, nil, &amqp.ExternalAuth{}); err == nil {
			t.Fatal("it was let in")
		}
	})
	t.Run("P-03 EXTERNAL is not offered without TLS", func(t *testing.T) {
		if got := offered(t, s.Addr); got != "PLAIN" {
			t.Fatalf("offered %q", got)
		}
	})
	t.Run("P-18 a certificate of another authority", func(t *testing.T) {
		if conn, err := s.dial(t, issue(t, issue(t, nil, "other"), "client"), &amqp.ExternalAuth{}); err == nil {
			t.Fatalf("it was let in: %v", conn)
		}
	})
	t.Run("P-01 TLS on a plain port, and AMQP on a TLS port", func(t *testing.T) {
		if conn, err := tls.Dial("tcp", s.Addr, s.client); err == nil {
			t.Fatalf("TLS on a plain port: %v", conn)
		}
		c := raw.Dial(t, s.addr)
		c.Send(raw.Header)
		c.ExpectEOF(silentLimit)
		for _, line := range []string{"TLS client on a port without TLS", "AMQP client without TLS on a TLS port"} {
			broker.Eventually(t, patience, "the log says "+line, func() (bool, any) { return strings.Contains(s.Log(), line), s.Log() })
		}
	})
	t.Run("P-18 a changed certificate is served without a restart", func(t *testing.T) {
		served := func() string {
			conn, err := tls.Dial("tcp", s.addr, s.client)
			must(t, err)
			defer conn.Close()
			return conn.ConnectionState().PeerCertificates[0].Subject.CommonName
		}
		stays, err := s.dial(t, client, &amqp.ExternalAuth{})
		must(t, err)
		if got := served(); got != "localhost" {
			t.Fatalf("served %s", got)
		}
		issue(t, s.root, "renewed").write(t, s.dir, time.Now())
		if got := served(); got != "renewed" {
			t.Fatalf("served %s", got)
		}
		must(t, os.WriteFile(filepath.Join(s.dir, "cert.pem"), []byte("broken"), 0o600))
		if got := served(); got != "renewed" {
			t.Fatalf("served %s", got)
		}
		broker.Eventually(t, patience, "the log says so", func() (bool, any) {
			return strings.Contains(s.Log(), "changed TLS files are of no use"), nil
		})
		alive(t, stays)
	})
	t.Run("P-09 a TLS handshake does not occupy the acceptor", func(t *testing.T) {
		silent := raw.Dial(t, s.addr)
		_, err := s.dial(t, nil, password)
		must(t, err)
		silent.Close()
	})
}

// offered are the mechanisms of connection.start.
func offered(t *testing.T, addr string) string {
	t.Helper()
	c := raw.Dial(t, addr)
	c.Send(raw.Header)
	start := c.Expect(0, raw.ConnectionStart)
	start.Short()
	start.LongStr()
	return start.LongStr()
}

func TestP18_MutualTLSIsRequired(t *testing.T) {
	s := startSecured(t, broker.Set("ssl_options.fail_if_no_peer_cert", "true"), broker.Set("listeners.tcp", "none"))
	plain := &amqp.PlainAuth{Username: "guest", Password: "guest"}
	t.Run("P-18 without a certificate", func(t *testing.T) {
		if conn, err := s.dial(t, nil, plain); err == nil {
			t.Fatalf("it was let in: %v", conn)
		}
	})
	t.Run("P-18 with one", func(t *testing.T) {
		_, err := s.dial(t, issue(t, s.root, "client"), plain)
		must(t, err)
	})
}

func TestO07_TLSFilesThatAreNotThere(t *testing.T) {
	_, err := broker.TryStart(t, broker.Set("listeners.ssl.default", "127.0.0.1:0"), broker.Set("ssl_options.certfile", "/nowhere/cert.pem"),
		broker.Set("ssl_options.keyfile", "/nowhere/key.pem"))
	if err == nil || !strings.Contains(err.Error(), "ssl_options.certfile: open /nowhere/cert.pem") {
		t.Fatalf("got %v", err)
	}
}
