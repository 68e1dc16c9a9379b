package certificates

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

	"github.com/rs/zerolog"

	"warren/internal/config"
)

// authority signs certificates.
type authority struct {
	cert *x509.Certificate
	key  *ecdsa.PrivateKey
}

// issue makes a certificate of its own name, signed by parent, or by itself when there is none.
func issue(t *testing.T, parent *authority, name string, isCA bool) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	template := &x509.Certificate{
		SerialNumber: big.NewInt(time.Now().UnixNano()), Subject: pkix.Name{CommonName: name}, DNSNames: []string{name},
		NotBefore: time.Now().Add(-time.Hour), NotAfter: time.Now().Add(time.Hour), IsCA: isCA, BasicConstraintsValid: true,
		KeyUsage: x509.KeyUsageDigitalSignature | x509.KeyUsageCertSign,
	}
	by := &authority{template, key}
	if parent != nil {
		by = parent
	}
	der, err := x509.CreateCertificate(rand.Reader, template, by.cert, &key.PublicKey, by.key)
	if err != nil {
		t.Fatal(err)
	}
	cert, err := x509.ParseCertificate(der)
	if err != nil {
		t.Fatal(err)
	}
	return &authority{cert, key}
}

func (a *authority) pem() string {
	return string(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: a.cert.Raw}))
}

func (a *authority) keyPEM(t *testing.T) string {
	der, err := x509.MarshalPKCS8PrivateKey(a.key)
	if err != nil {
		t.Fatal(err)
	}
	return string(pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: der}))
}

func (a *authority) pair(chain ...*authority) tls.Certificate {
	c := tls.Certificate{Certificate: [][]byte{a.cert.Raw}, PrivateKey: a.key}
	for _, above := range chain {
		c.Certificate = append(c.Certificate, above.cert.Raw)
	}
	return c
}

// folder holds the files of a store.
type folder struct {
	t    *testing.T
	path string
	age  time.Duration
}

// put writes a file with a time of modification of its own: a file system may tell less than two writes apart.
func (f *folder) put(name, content string) {
	f.t.Helper()
	path := filepath.Join(f.path, name)
	if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
		f.t.Fatal(err)
	}
	f.age += time.Second
	when := time.Now().Add(-time.Hour).Add(f.age)
	if err := os.Chtimes(path, when, when); err != nil {
		f.t.Fatal(err)
	}
}

func (f *folder) options() config.TLS {
	o := config.Default().TLS
	o.CertFile, o.KeyFile, o.CAFile = filepath.Join(f.path, "cert.pem"), filepath.Join(f.path, "key.pem"), filepath.Join(f.path, "ca.pem")
	return o
}

// shake does one handshake and returns the name of the server's certificate.
func shake(t *testing.T, s *Store, client *tls.Config) (string, error) {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer l.Close()
	served := make(chan error, 1)
	go func() {
		conn, err := l.Accept()
		if err == nil {
			defer conn.Close()
			err = tls.Server(conn, s.Config()).Handshake()
		}
		served <- err
	}()
	ours, err := net.Dial("tcp", l.Addr().String())
	if err != nil {
		t.Fatal(err)
	}
	defer ours.Close()
	client.InsecureSkipVerify = true // who the server is, is looked at by name
	c := tls.Client(ours, client)
	err = c.Handshake()
	if serverErr := <-served; serverErr != nil {
		return "", serverErr
	}
	if err != nil {
		return "", err
	}
	return c.ConnectionState().PeerCertificates[0].Subject.CommonName, nil
}

func TestChangedFilesAreTaken(t *testing.T) {
	// docs/configuration.md, TLS: new handshakes use new files, and a broken file keeps the old ones, with one line in the log.
	f := &folder{t: t, path: t.TempDir()}
	one, two := issue(t, nil, "one", false), issue(t, nil, "two", false)
	f.put("cert.pem", one.pem())
	f.put("key.pem", one.keyPEM(t))
	var log strings.Builder
	s, err := Open(f.options(), zerolog.New(&log))
	if err != nil {
		t.Fatal(err)
	}
	served := func(want string, lines int) {
		t.Helper()
		for range 2 {
			if got, err := shake(t, s, &tls.Config{}); got != want || err != nil {
				t.Fatalf("served %q, %v; want %q", got, err, want)
			}
		}
		if got := strings.Count(log.String(), "\n"); got != lines {
			t.Fatalf("%d lines, want %d:\n%s", got, lines, log.String())
		}
	}
	served("one", 0)
	f.put("cert.pem", two.pem()) // and the key of the old one
	served("one", 1)
	f.put("key.pem", two.keyPEM(t))
	served("two", 2)
	f.put("cert.pem", "rubbish")
	served("two", 3)
	if err := os.Remove(filepath.Join(f.path, "cert.pem")); err != nil {
		t.Fatal(err)
	}
	served("two", 4)
	f.put("cert.pem", two.pem())
	served("two", 5)
}

func TestClientCertificates(t *testing.T) {
	// RabbitMQ, TLS guide, peer verification: verify, fail_if_no_peer_cert and depth.
	f := &folder{t: t, path: t.TempDir()}
	root, stranger := issue(t, nil, "root", true), issue(t, nil, "stranger", true)
	between := issue(t, root, "between", true)
	server := issue(t, root, "server", false)
	f.put("cert.pem", server.pem())
	f.put("key.pem", server.keyPEM(t))
	f.put("ca.pem", root.pem())
	direct, indirect, foreign := issue(t, root, "direct", false).pair(), issue(t, between, "indirect", false).pair(between), issue(t, stranger, "foreign", false).pair()
	for _, e := range []struct {
		name            string
		verify, require bool
		depth           int
		client          *tls.Certificate
		ok              bool
	}{
		{"nobody asks", false, false, 1, nil, true},
		{"nobody asks, one is there", false, false, 1, &foreign, true},
		{"asked, none", true, false, 1, nil, true},
		{"required, none", true, true, 1, nil, false},
		{"required, ours", true, true, 0, &direct, true},
		{"asked, a stranger's", true, false, 1, &foreign, false},
		{"one authority between, and it may", true, true, 1, &indirect, true},
		{"one authority between, and it may not", true, true, 0, &indirect, false},
	} {
		o := f.options()
		o.VerifyPeer, o.RequirePeer, o.Depth = e.verify, e.require, e.depth
		s, err := Open(o, zerolog.Nop())
		if err != nil {
			t.Fatal(err)
		}
		c := &tls.Config{GetClientCertificate: func(*tls.CertificateRequestInfo) (*tls.Certificate, error) {
			if e.client == nil {
				return &tls.Certificate{}, nil
			}
			return e.client, nil
		}}
		if _, err := shake(t, s, c); (err == nil) != e.ok {
			t.Errorf("%s: %v", e.name, err)
		}
	}
}

func TestVersionsAndCiphers(t *testing.T) {
	f := &folder{t: t, path: t.TempDir()}
	server := issue(t, nil, "server", false)
	f.put("cert.pem", server.pem())
	f.put("key.pem", server.keyPEM(t))
	o := f.options()
	o.MaxVersion, o.Ciphers = tls.VersionTLS12, []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384}
	s, err := Open(o, zerolog.Nop())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := shake(t, s, &tls.Config{MinVersion: tls.VersionTLS13}); err == nil {
		t.Error("TLS 1.3 was taken")
	}
	if _, err := shake(t, s, &tls.Config{CipherSuites: []uint16{tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256}, MaxVersion: tls.VersionTLS12}); err == nil {
		t.Error("a cipher that is not on the list was taken")
	}
	if _, err := shake(t, s, &tls.Config{}); err != nil {
		t.Error(err)
	}
}

// testdata was made by: openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -days 36500 -subj /CN=encrypted
// -keyout pkcs8.pem -out cert.pem -passout pass:open-sesame; openssl ec -aes256 -in pkcs8.pem -out legacy.pem.
func TestEncryptedKeys(t *testing.T) {
	for _, key := range []string{"pkcs8.pem", "legacy.pem", "des3.pem"} {
		o := config.Default().TLS
		o.CertFile, o.KeyFile = "testdata/cert.pem", "testdata/"+key
		for password, want := range map[string]string{
			"open-sesame": "", "close-sesame": "the key does not open with ssl_options.password", "": "the key is encrypted: ssl_options.password is missing",
		} {
			o.Password = password
			s, err := Open(o, zerolog.Nop())
			switch {
			case want != "" && (err == nil || !strings.HasSuffix(err.Error(), want)):
				t.Errorf("%s with %q: %v, want %s", key, password, err, want)
			case want == "":
				if err != nil {
					t.Errorf("%s: %v", key, err)
				} else if got, err := shake(t, s, &tls.Config{}); got != "encrypted" || err != nil {
					t.Errorf("%s: served %q, %v", key, got, err)
				}
			}
		}
	}
}

func FuzzDecrypt(f *testing.F) {
	// A key file is somebody else's bytes: no panic, and what is not encrypted comes back as it was.
	for _, name := range []string{"pkcs8.pem", "legacy.pem", "des3.pem", "cert.pem"} {
		b, err := os.ReadFile("testdata/" + name)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(b)
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		if clear, err := decrypt(file, ""); err == nil && string(clear) != string(file) {
			t.Fatalf("%q became %q", file, clear)
		}
		if len(file) < 4096 && !strings.Contains(string(file), "ENCRYPTED") {
			_, _ = decrypt(file, "open-sesame")
		}
		if block, _ := pem.Decode(file); block != nil && len(block.Bytes) < 400 {
			_, _ = decryptPKCS8(block.Bytes, "open-sesame")
		}
	})
}
