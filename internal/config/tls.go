package config

import (
	"crypto/tls"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// TLS is what listeners.ssl.<name> speak: ssl_options (https://www.rabbitmq.com/docs/ssl).
type TLS struct {
	CAFile, CertFile, KeyFile string
	// Password of an encrypted key file: ssl_options.password.
	Password string
	// VerifyPeer asks for a client's certificate, and wants it signed by an authority of CAFile: ssl_options.verify.
	VerifyPeer bool
	// RequirePeer turns clients without a certificate away: ssl_options.fail_if_no_peer_cert.
	RequirePeer bool
	// Depth is how many authorities may stand between a client's certificate and one of CAFile: ssl_options.depth.
	Depth int
	// MinVersion and MaxVersion are crypto/tls's: ssl_options.versions.N.
	MinVersion, MaxVersion uint16
	// Ciphers of TLS 1.2 and below; nil for crypto/tls's choice: ssl_options.ciphers.N.
	Ciphers []uint16
}

// Login is which part of a client's certificate is its user name, for SASL EXTERNAL.
type Login struct {
	From string // distinguished_name, common_name, subject_alternative_name: ssl_cert_login_from
	// SANType and SANIndex choose one of the alternative names: ssl_cert_login_san_type (dns, ip, email, uri) and
	// ssl_cert_login_san_index.
	SANType  string
	SANIndex int
}

var tlsKeys = map[string]key{
	"listeners.ssl": {"none", func(b *builder, _, value string) bool {
		b.Listeners = slices.DeleteFunc(b.Listeners, func(l Listener) bool { return l.TLS })
		return value == "none"
	}},
	"listeners.ssl.<name>": {listenerForm, func(b *builder, name, value string) bool {
		if value == "none" {
			b.silence(name, true)
			return true
		}
		address, ok := parseAddress(value)
		if ok {
			b.silence(name, true)
			b.Listeners = append(b.Listeners, Listener{Name: name, Address: address, TLS: true})
		}
		return ok
	}},

	"ssl_options.cacertfile": text("a PEM file of authorities", func(b *builder) *string { return &b.TLS.CAFile }),
	"ssl_options.certfile":   text("a PEM file", func(b *builder) *string { return &b.TLS.CertFile }),
	"ssl_options.keyfile":    text("a PEM file", func(b *builder) *string { return &b.TLS.KeyFile }),
	"ssl_options.password":   text("the password of ssl_options.keyfile", func(b *builder) *string { return &b.TLS.Password }),
	"ssl_options.verify": {"verify_peer or verify_none", func(b *builder, _, value string) bool {
		b.TLS.VerifyPeer = value == "verify_peer"
		return b.TLS.VerifyPeer || value == "verify_none"
	}},
	"ssl_options.fail_if_no_peer_cert": boolean(func(b *builder) *bool { return &b.TLS.RequirePeer }),
	"ssl_options.depth": integer("a number of authorities from 0 to 255", 0, 255, func(b *builder, n int64) {
		b.TLS.Depth = int(n)
	}),
	"ssl_options.versions.<n>": {"tlsv1.3, tlsv1.2, tlsv1.1 or tlsv1, under a number", func(b *builder, n, value string) bool {
		return tlsVersions[value] != 0 && b.tlsVersions.set(n, value)
	}},
	"ssl_options.ciphers.<n>": {"one of " + cipherNames() + ", under a number", func(b *builder, n, value string) bool {
		return ciphers[value] != 0 && b.tlsCiphers.set(n, value)
	}},
	// What always holds here may be said, as RabbitMQ's guide says it; the other value would be a promise nobody keeps.
	"ssl_options.honor_cipher_order":   always("true: the server's order counts"),
	"ssl_options.honor_ecc_order":      always("true: the server's order counts"),
	"ssl_options.secure_renegotiate":   always("true: nothing is ever renegotiated"),
	"ssl_options.client_renegotiation": always("false: nothing is ever renegotiated"),

	"ssl_cert_login_from": {"distinguished_name, common_name or subject_alternative_name", func(b *builder, _, value string) bool {
		if value == "subject_alt_name" { // RabbitMQ's other word
			value = "subject_alternative_name"
		}
		b.CertLogin.From = value
		return value == "distinguished_name" || value == "common_name" || value == "subject_alternative_name"
	}},
	"ssl_cert_login_san_type": {"dns, ip, email or uri", func(b *builder, _, value string) bool {
		b.CertLogin.SANType = value
		return slices.Contains([]string{"dns", "ip", "email", "uri"}, value)
	}},
	"ssl_cert_login_san_index": integer("a number from 0", 0, 1<<16, func(b *builder, n int64) { b.CertLogin.SANIndex = int(n) }),
}

func init() { maps.Copy(keys, tlsKeys) }

// always is a key with one right value, the first word of want.
func always(want string) key {
	right, _, _ := strings.Cut(want, ":")
	return key{want, func(_ *builder, _, value string) bool { return value == right }}
}

var tlsVersions = map[string]uint16{
	"tlsv1": tls.VersionTLS10, "tlsv1.1": tls.VersionTLS11, "tlsv1.2": tls.VersionTLS12, "tlsv1.3": tls.VersionTLS13,
}

// ciphers are those that crypto/tls has, by the names of OpenSSL and of IANA.
var ciphers = map[string]uint16{
	"ECDHE-ECDSA-AES256-GCM-SHA384": tls.TLS_ECDHE_ECDSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-RSA-AES256-GCM-SHA384":   tls.TLS_ECDHE_RSA_WITH_AES_256_GCM_SHA384,
	"ECDHE-ECDSA-AES128-GCM-SHA256": tls.TLS_ECDHE_ECDSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-RSA-AES128-GCM-SHA256":   tls.TLS_ECDHE_RSA_WITH_AES_128_GCM_SHA256,
	"ECDHE-ECDSA-CHACHA20-POLY1305": tls.TLS_ECDHE_ECDSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-RSA-CHACHA20-POLY1305":   tls.TLS_ECDHE_RSA_WITH_CHACHA20_POLY1305_SHA256,
	"ECDHE-ECDSA-AES256-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_256_CBC_SHA,
	"ECDHE-RSA-AES256-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_256_CBC_SHA,
	"ECDHE-ECDSA-AES128-SHA":        tls.TLS_ECDHE_ECDSA_WITH_AES_128_CBC_SHA,
	"ECDHE-RSA-AES128-SHA":          tls.TLS_ECDHE_RSA_WITH_AES_128_CBC_SHA,
	"AES256-GCM-SHA384":             tls.TLS_RSA_WITH_AES_256_GCM_SHA384,
	"AES128-GCM-SHA256":             tls.TLS_RSA_WITH_AES_128_GCM_SHA256,
	"TLS_AES_256_GCM_SHA384":        tls.TLS_AES_256_GCM_SHA384,
	"TLS_AES_128_GCM_SHA256":        tls.TLS_AES_128_GCM_SHA256,
	"TLS_CHACHA20_POLY1305_SHA256":  tls.TLS_CHACHA20_POLY1305_SHA256,
}

func cipherNames() string { return strings.Join(slices.Sorted(maps.Keys(ciphers)), ", ") }

// numbered are the values of key.1, key.2 and so on, in the order of their numbers.
type numbered map[int]string

func (n *numbered) set(number, value string) bool {
	i, err := strconv.Atoi(number)
	if err != nil || i < 0 {
		return false
	}
	if *n == nil {
		*n = numbered{}
	}
	(*n)[i] = value
	return true
}

func (n numbered) values() []string {
	var out []string
	for _, i := range slices.Sorted(maps.Keys(n)) {
		out = append(out, n[i])
	}
	return out
}

// finishTLS puts together what more than one key says.
func (b *builder) finishTLS() error {
	t := &b.TLS
	if len(b.tlsVersions) > 0 {
		t.MinVersion, t.MaxVersion = tls.VersionTLS13, tls.VersionTLS10
		named := map[uint16]bool{}
		for _, name := range b.tlsVersions.values() {
			v := tlsVersions[name]
			t.MinVersion, t.MaxVersion, named[v] = min(t.MinVersion, v), max(t.MaxVersion, v), true
		}
		if int(t.MaxVersion-t.MinVersion)+1 != len(named) {
			return fmt.Errorf("ssl_options.versions: %s leaves a version out between two others", strings.Join(b.tlsVersions.values(), ", "))
		}
	}
	if len(b.tlsCiphers) > 0 {
		modern := false
		t.Ciphers = []uint16{}
		for _, name := range b.tlsCiphers.values() {
			if strings.HasPrefix(name, "TLS_") {
				modern = true // crypto/tls has all three or none
			} else {
				t.Ciphers = append(t.Ciphers, ciphers[name])
			}
		}
		if !modern && t.MaxVersion > tls.VersionTLS12 {
			t.MaxVersion = tls.VersionTLS12
		}
		if len(t.Ciphers) == 0 && t.MinVersion < tls.VersionTLS13 {
			t.MinVersion = tls.VersionTLS13
		}
		if t.MinVersion > t.MaxVersion {
			return fmt.Errorf("ssl_options.ciphers: none of %s belongs to a version of ssl_options.versions", strings.Join(b.tlsCiphers.values(), ", "))
		}
	}
	switch {
	case t.RequirePeer && !t.VerifyPeer:
		return fmt.Errorf("ssl_options.fail_if_no_peer_cert = true: needs ssl_options.verify = verify_peer")
	case t.VerifyPeer && t.CAFile == "":
		return fmt.Errorf("ssl_options.verify = verify_peer: needs ssl_options.cacertfile")
	}
	for _, l := range b.Listeners {
		if l.TLS && (t.CertFile == "" || t.KeyFile == "") {
			return fmt.Errorf("listeners.ssl.%s = %s: needs ssl_options.certfile and ssl_options.keyfile", l.Name, l.Address)
		}
	}
	return nil
}
