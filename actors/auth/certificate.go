package auth

import (
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/asn1"
	"fmt"
	"strings"
)

// CertificateName says which part of a certificate is a user's name (RabbitMQ, ssl_cert_login_from).
type CertificateName struct {
	From     string // distinguished_name, common_name, subject_alternative_name
	SANType  string // dns, ip, email, uri
	SANIndex int
}

// Of returns the user's name, empty when there is none.
func (n CertificateName) Of(c *x509.Certificate) string {
	switch n.From {
	case "common_name":
		var names []string
		for _, a := range c.Subject.Names {
			if a.Type.Equal(oidCommonName) {
				names = append(names, fmt.Sprint(a.Value))
			}
		}
		return strings.Join(names, ",")
	case "subject_alternative_name":
		names := n.alternatives(c)
		if n.SANIndex >= len(names) {
			return ""
		}
		return names[n.SANIndex]
	}
	return DistinguishedName(c.RawSubject)
}

func (n CertificateName) alternatives(c *x509.Certificate) (names []string) {
	switch n.SANType {
	case "dns":
		return c.DNSNames
	case "email":
		return c.EmailAddresses
	case "ip":
		for _, ip := range c.IPAddresses {
			names = append(names, ip.String())
		}
	case "uri":
		for _, u := range c.URIs {
			names = append(names, u.String())
		}
	}
	return names
}

var oidCommonName = asn1.ObjectIdentifier{2, 5, 4, 3}

// attributes are the names that RabbitMQ prints.
var attributes = map[string]string{
	"2.5.4.4": "SN", "2.5.4.42": "GIVENNAME", "2.5.4.43": "INITIALS", "2.5.4.44": "GENERATIONQUALIFIER", "2.5.4.3": "CN",
	"2.5.4.7": "L", "2.5.4.8": "ST", "2.5.4.10": "O", "2.5.4.11": "OU", "2.5.4.12": "TITLE", "2.5.4.6": "C",
	"2.5.4.5": "SERIALNUMBER", "2.5.4.65": "PSEUDONYM", "0.9.2342.19200300.100.1.25": "DC", "1.2.840.113549.1.9.1": "EMAILADDRESS",
	"2.5.4.9": "STREET", "0.9.2342.19200300.100.1.1": "UID",
}

// DistinguishedName is an encoded name as RFC 4514 writes it, the last part first, in RabbitMQ's spelling: its names of
// attributes, and everything that is not ASCII as \XX. Empty when it is no name.
//
// pkix.Name's String has other names for some of them, and keeps what is not ASCII.
func DistinguishedName(raw []byte) string {
	var sequence pkix.RDNSequence
	if _, err := asn1.Unmarshal(raw, &sequence); err != nil {
		return ""
	}
	parts := make([]string, 0, len(sequence))
	for i := len(sequence) - 1; i >= 0; i-- {
		var together []string
		for _, a := range sequence[i] {
			name := attributes[a.Type.String()]
			if name == "" {
				name = a.Type.String()
			}
			together = append(together, name+"="+escape(fmt.Sprint(a.Value)))
		}
		parts = append(parts, strings.Join(together, "+"))
	}
	return strings.Join(parts, ",")
}

// escape is RFC 4514, section 2.4, by bytes.
func escape(value string) string {
	var b strings.Builder
	for i := range len(value) {
		switch c := value[i]; {
		case i == 0 && (c == ' ' || c == '#'), i == len(value)-1 && c == ' ', strings.IndexByte(`"+,;<>\`, c) >= 0:
			b.WriteByte('\\')
			b.WriteByte(c)
		case c < 32 || c >= 126:
			fmt.Fprintf(&b, `\%02X`, c)
		default:
			b.WriteByte(c)
		}
	}
	return b.String()
}
