package proxyprotocol

import (
	"net/netip"
	"reflect"
	"strings"
	"testing"
)

func v2(command, family byte, rest string) string {
	return signatureV2 + string([]byte{command, family, byte(len(rest) >> 8), byte(len(rest))}) + rest
}

func tlv(kind byte, value string) string {
	return string([]byte{kind, byte(len(value) >> 8), byte(len(value))}) + value
}

const (
	four = "\x0a\x00\x00\x01\xc0\xa8\x00\x02\x04\xd2\x16\x28" // 10.0.0.1:1234 to 192.168.0.2:5672
	six  = "\x20\x01\x0d\xb8\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01" +
		"\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x00\x01\x04\xd2\x16\x28"
)

// both is a header with two addresses.
func both(source, destination string) Header {
	return Header{Source: netip.MustParseAddrPort(source), Destination: netip.MustParseAddrPort(destination)}
}

func TestParse(t *testing.T) {
	// P-17, the PROXY protocol's document, sections 2.1 and 2.2.
	withTLS := both("10.0.0.1:1234", "192.168.0.2:5672")
	withTLS.TLS = &TLS{Version: "TLSv1.3", CommonName: "client", Cipher: "AES"}
	ssl := func(client byte) string {
		return tlv(0x20, string([]byte{client, 0, 0, 0, 0})+tlv(0x21, "TLSv1.3")+tlv(0x22, "client")+tlv(0x23, "AES"))
	}
	for _, e := range []struct {
		name, in string
		want     Header
		err      string // how it begins
	}{
		{"version 1", "PROXY TCP4 10.0.0.1 192.168.0.2 1234 5672\r\n", both("10.0.0.1:1234", "192.168.0.2:5672"), ""},
		{"version 1, IPv6", "PROXY TCP6 2001:db8::1 ::1 1234 5672\r\n", both("[2001:db8::1]:1234", "[::1]:5672"), ""},
		{"version 1, unknown", "PROXY UNKNOWN\r\n", Header{Local: true}, ""},
		{"version 1, unknown with something", "PROXY UNKNOWN ffff::1 ffff::2 1 2\r\n", Header{Local: true}, ""},
		{"version 1, a family that is none", "PROXY UDP4 10.0.0.1 10.0.0.2 1 2\r\n", Header{}, "PROXY header \"UDP4"},
		{"version 1, the wrong family", "PROXY TCP6 10.0.0.1 10.0.0.2 1 2\r\n", Header{}, "PROXY header \"TCP6"},
		{"version 1, a port too high", "PROXY TCP4 10.0.0.1 10.0.0.2 1 65536\r\n", Header{}, "PROXY header \"TCP4"},
		{"version 1, without an end", "PROXY TCP4 " + strings.Repeat("1", 107), Header{}, "PROXY header without an end within 107 bytes"},
		{"version 2", v2(0x21, 0x11, four), both("10.0.0.1:1234", "192.168.0.2:5672"), ""},
		{"version 2, IPv6", v2(0x21, 0x21, six), both("[2001:db8::1]:1234", "[::1]:5672"), ""},
		{"version 2, LOCAL", v2(0x20, 0, ""), Header{Local: true}, ""},
		{"version 2, LOCAL with addresses", v2(0x20, 0x11, four), Header{Local: true}, ""},
		{"version 2, a unix socket", v2(0x21, 0x31, strings.Repeat("x", 216)), Header{Local: true}, ""},
		{"version 2, TLS", v2(0x21, 0x11, four+tlv(0x01, "h2")+ssl(1)), withTLS, ""},
		{"version 2, told that there was no TLS", v2(0x21, 0x11, four+ssl(0)), both("10.0.0.1:1234", "192.168.0.2:5672"), ""},
		{"version 2, too short", v2(0x21, 0x11, four[:11]), Header{}, "PROXY header of 11 bytes"},
		{"version 2, a field cut off", v2(0x21, 0x11, four+"\x01\x00\x05xx"), Header{}, "PROXY header: an additional field is cut off"},
		{"version 3", v2(0x31, 0x11, four), Header{}, "PROXY header with version and command 0x31"},
		{"AMQP", "AMQP\x00\x00\x09\x01", Header{}, ErrNoHeader.Error()},
		{"nothing like it", "PROXYTCP4", Header{}, ErrNoHeader.Error()},
	} {
		got, n, _, err := Parse([]byte(e.in + "AMQP"))
		switch {
		case e.err != "" && (err == nil || !strings.HasPrefix(err.Error(), e.err)):
			t.Errorf("%s: got %v, want %s", e.name, err, e.err)
		case e.err == "" && (err != nil || n != len(e.in) || !reflect.DeepEqual(got, e.want)):
			t.Errorf("%s: got %+v, %d bytes, %v", e.name, got, n, err)
		}
	}
}

func TestReadingNoMoreThanNeeded(t *testing.T) {
	// What follows the header is not the proxy's: least never leads beyond the header's end, and always further.
	for _, in := range []string{"PROXY UNKNOWN\r\n", "PROXY TCP4 1.2.3.4 1.2.3.5 1 2\r\n", v2(0x21, 0x11, four), v2(0x20, 0, "")} {
		at := 0
		for {
			_, n, least, err := Parse([]byte(in[:at]))
			if err != nil {
				t.Fatalf("%q: %v", in[:at], err)
			}
			if n > 0 {
				break
			}
			if least <= at || least > len(in) {
				t.Fatalf("%q needs %d bytes", in[:at], least)
			}
			at = least
		}
		if at != len(in) {
			t.Errorf("%q ends at %d", in, at)
		}
	}
}

func FuzzParse(f *testing.F) {
	// What comes from outside does not panic; n is within what there is, and what is incomplete asks for more.
	f.Add([]byte("PROXY TCP4 10.0.0.1 192.168.0.2 1234 5672\r\n"))
	f.Add([]byte("PROXY TCP6 2001:db8::1 ::1 1234 5672\r\nAMQP"))
	f.Add([]byte("PROXY UNKNOWN\r\n"))
	f.Add([]byte(v2(0x21, 0x11, four+tlv(0x20, "\x01\x00\x00\x00\x00"+tlv(0x22, "client")))))
	f.Add([]byte(v2(0x21, 0x21, six)))
	f.Fuzz(func(t *testing.T, b []byte) {
		h, n, least, err := Parse(b)
		switch {
		case err != nil:
		case n == 0 && least <= len(b):
			t.Fatalf("%q asks for %d bytes", b, least)
		case n > len(b):
			t.Fatalf("%q: %d bytes", b, n)
		case n > 0 && !h.Local && (!h.Source.IsValid() || !h.Destination.IsValid()):
			t.Fatalf("%q: %+v", b, h)
		}
	})
}
