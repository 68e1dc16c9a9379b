package auth

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"net"
	"testing"
)

func name(t testing.TB, rdns ...pkix.RelativeDistinguishedNameSET) []byte {
	t.Helper()
	raw, err := asn1.Marshal(pkix.RDNSequence(rdns))
	if err != nil {
		t.Fatal(err)
	}
	return raw
}

func attribute(value string, oid ...int) pkix.AttributeTypeAndValue {
	return pkix.AttributeTypeAndValue{Type: oid, Value: value}
}

func one(value string, oid ...int) pkix.RelativeDistinguishedNameSET {
	return pkix.RelativeDistinguishedNameSET{attribute(value, oid...)}
}

func TestDistinguishedName(t *testing.T) {
	// RFC 4514 as rabbit_cert_info:subject/1 prints it.
	for _, e := range []struct {
		raw  []byte
		want string
	}{
		{name(t, one("DE", 2, 5, 4, 6), one("Acme", 2, 5, 4, 10), one("client", 2, 5, 4, 3)), "CN=client,O=Acme,C=DE"},
		{name(t, one("example", 0, 9, 2342, 19200300, 100, 1, 25), one("u1", 0, 9, 2342, 19200300, 100, 1, 1)), "UID=u1,DC=example"},
		{name(t, pkix.RelativeDistinguishedNameSET{attribute("a", 2, 5, 4, 3), attribute("b", 2, 5, 4, 11)}), "CN=a+OU=b"},
		{name(t, one("a@b.c", 1, 2, 840, 113549, 1, 9, 1)), "EMAILADDRESS=a@b.c"},
		{name(t, one("x", 1, 2, 3, 4)), "1.2.3.4=x"},
		{name(t, one(`a,b+c"d\e<f>g;h`, 2, 5, 4, 3)), `CN=a\,b\+c\"d\\e\<f\>g\;h`},
		{name(t, one(" #x ", 2, 5, 4, 3)), `CN=\ #x\ `},
		{name(t, one("#x", 2, 5, 4, 3)), `CN=\#x`},
		{name(t, one("Jürgen~", 2, 5, 4, 3)), `CN=J\C3\BCrgen\7E`},
		{nil, ""},
	} {
		if got := DistinguishedName(e.raw); got != e.want {
			t.Errorf("got %s, want %s", got, e.want)
		}
	}
}

func TestLogins(t *testing.T) {
	// P-03, P-06: what is offered, and who a response makes a client. EXTERNAL is there over TLS only.
	cert := &x509.Certificate{
		RawSubject: name(t, one("client", 2, 5, 4, 3)), DNSNames: []string{"one", "two"}, IPAddresses: []net.IP{net.IPv4(10, 0, 0, 1)},
		Subject: pkix.Name{Names: []pkix.AttributeTypeAndValue{attribute("client", 2, 5, 4, 3), attribute("again", 2, 5, 4, 3)}},
	}
	from := func(from, kind string, index int) CertificateName { return CertificateName{from, kind, index} }
	for _, e := range []struct {
		what, mechanism string
		tls             bool
		cert            *x509.Certificate
		name            CertificateName
		want            Login
		ok              bool
	}{
		{"anonymous", "ANONYMOUS", false, nil, CertificateName{}, Login{User: "nobody", Password: "p"}, true},
		{"external without TLS", "EXTERNAL", false, cert, CertificateName{}, Login{}, false},
		{"external without a certificate", "EXTERNAL", true, nil, CertificateName{}, Login{Refused: "the client has shown no certificate"}, true},
		{"external", "EXTERNAL", true, cert, from("distinguished_name", "", 0), Login{User: "CN=client", Certified: true}, true},
		{"common name", "EXTERNAL", true, cert, from("common_name", "", 0), Login{User: "client,again", Certified: true}, true},
		{"second DNS name", "EXTERNAL", true, cert, from("subject_alternative_name", "dns", 1), Login{User: "two", Certified: true}, true},
		{"address", "EXTERNAL", true, cert, from("subject_alternative_name", "ip", 0), Login{User: "10.0.0.1", Certified: true}, true},
		{"an email that is not there", "EXTERNAL", true, cert, from("subject_alternative_name", "email", 0),
			Login{Refused: "there is no subject_alternative_name in the client's certificate"}, true},
		{"one with a challenge", "RABBIT-CR-DEMO", false, nil, CertificateName{}, Login{Challenge: "Please tell me your password"}, true},
		{"one that is not configured", "AMQPLAIN", true, cert, CertificateName{}, Login{}, false},
	} {
		l := &Logins{Mechanisms: []string{"EXTERNAL", "PLAIN", "ANONYMOUS", "RABBIT-CR-DEMO"}, AnonymousUser: "nobody", AnonymousPass: "p", Certificate: e.name}
		got, ok := l.Read(e.mechanism, "", e.tls, e.cert)
		if got != e.want || ok != e.ok {
			t.Errorf("%s: got %+v, %v", e.what, got, ok)
		}
	}
	l := &Logins{Mechanisms: []string{"EXTERNAL", "PLAIN", "ANONYMOUS"}}
	if got := l.Offered(false) + ", " + l.Offered(true); got != "PLAIN, EXTERNAL PLAIN" {
		t.Errorf("offered %s", got)
	}
}

func TestAnswer(t *testing.T) {
	// P-03: rabbit_auth_mechanism_cr_demo.
	for _, e := range []struct {
		response, password string
		ok                 bool
	}{
		{"My password is secret", "secret", true},
		{"My password is ", "", true},
		{"my password is secret", "", false},
		{"secret", "", false},
		{"", "", false},
	} {
		got, ok := new(Logins).Answer("u", e.response)
		if ok != e.ok || ok && got != (Login{User: "u", Password: e.password}) {
			t.Errorf("%q: %+v, %v", e.response, got, ok)
		}
	}
}

func FuzzDistinguishedName(f *testing.F) {
	f.Add(name(f, one("client", 2, 5, 4, 3)))
	f.Fuzz(func(t *testing.T, raw []byte) {
		for _, c := range []byte(DistinguishedName(raw)) {
			if c < 32 || c >= 126 {
				t.Fatalf("%q has %q in it", DistinguishedName(raw), c)
			}
		}
	})
}
