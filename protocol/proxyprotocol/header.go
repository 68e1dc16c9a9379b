// Package proxyprotocol reads the header by which a proxy says for whom it has opened a connection: the PROXY protocol,
// versions 1 and 2 (https://www.haproxy.org/download/3.0/doc/proxy-protocol.txt; contract P-17). It is pure.
package proxyprotocol

import (
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"net/netip"
	"strconv"
	"strings"
)

// Header is what a proxy said.
type Header struct {
	// Local says that nobody is spoken for, and the socket's own addresses count: a health check of the proxy's, or a client
	// whose address it does not know.
	Local               bool
	Source, Destination netip.AddrPort
	// TLS is what the proxy says of its own TLS connection with the client (PP2_TYPE_SSL), nil when it says nothing.
	TLS *TLS
}

// TLS is a client's TLS connection with a proxy.
type TLS struct {
	Version    string // TLSv1.3
	CommonName string // of the client's certificate
	Cipher     string
}

// ErrNoHeader is for bytes that begin no header.
var ErrNoHeader = errors.New("no PROXY header")

const (
	prefixV1 = "PROXY "
	// maxV1 is the longest line of version 1, with its end.
	maxV1       = 107
	signatureV2 = "\r\n\r\n\x00\r\nQUIT\n"
	fixedV2     = 16
)

// Parse reads a header at the beginning of b. When it is not all there, n is 0 and least says how many bytes it has at least,
// more than len(b): who reads no more than that never reads into what follows.
func Parse(b []byte) (h Header, n, least int, err error) {
	switch {
	case bytes.HasPrefix(b, []byte(prefixV1)):
		return parseV1(b)
	case bytes.HasPrefix(b, []byte(signatureV2)):
		return parseV2(b)
	case strings.HasPrefix(prefixV1, string(b)): // enough to see that it is something else
		return Header{}, 0, len(prefixV1), nil
	case strings.HasPrefix(signatureV2, string(b)):
		return Header{}, 0, fixedV2, nil
	}
	return Header{}, 0, 0, ErrNoHeader
}

// parseV1 reads
//
//	PROXY (TCP4 | TCP6) source destination source-port destination-port CR LF
//	PROXY UNKNOWN anything CR LF
func parseV1(b []byte) (h Header, n, least int, err error) {
	end := bytes.Index(b[:min(len(b), maxV1)], []byte("\r\n"))
	if end < 0 {
		if len(b) >= maxV1 {
			return Header{}, 0, 0, fmt.Errorf("PROXY header without an end within %d bytes", maxV1)
		}
		if b[len(b)-1] == '\r' {
			return Header{}, 0, len(b) + 1, nil
		}
		return Header{}, 0, max(len("PROXY UNKNOWN\r\n"), len(b)+2), nil
	}
	line := string(b[len(prefixV1):end])
	if line == "UNKNOWN" || strings.HasPrefix(line, "UNKNOWN ") {
		return Header{Local: true}, end + 2, 0, nil
	}
	parts := strings.Split(line, " ")
	if len(parts) != 5 || parts[0] != "TCP4" && parts[0] != "TCP6" {
		return Header{}, 0, 0, fmt.Errorf("PROXY header %q is none of version 1", line)
	}
	six := parts[0] == "TCP6"
	if h.Source, err = address(parts[1], parts[3], six); err == nil {
		h.Destination, err = address(parts[2], parts[4], six)
	}
	if err != nil {
		return Header{}, 0, 0, fmt.Errorf("PROXY header %q: %w", line, err)
	}
	return h, end + 2, 0, nil
}

func address(host, port string, six bool) (netip.AddrPort, error) {
	a, err := netip.ParseAddr(host)
	if err != nil || a.Is6() != six || a.Zone() != "" {
		return netip.AddrPort{}, fmt.Errorf("%q is no address of its family", host)
	}
	p, err := strconv.ParseUint(port, 10, 16)
	if err != nil {
		return netip.AddrPort{}, fmt.Errorf("%q is no port", port)
	}
	return netip.AddrPortFrom(a.Unmap(), uint16(p)), nil
}

// parseV2 reads
//
//	signature(12) version(4 bits) command(4 bits) family(4 bits) transport(4 bits) length(16 bits) addresses TLVs
func parseV2(b []byte) (h Header, n, least int, err error) {
	if len(b) < fixedV2 {
		return Header{}, 0, fixedV2, nil
	}
	command, family := b[12], b[13]
	n = fixedV2 + int(binary.BigEndian.Uint16(b[14:]))
	if command>>4 != 2 || command&15 > 1 {
		return Header{}, 0, 0, fmt.Errorf("PROXY header with version and command %#x", command)
	}
	if len(b) < n {
		return Header{}, 0, n, nil
	}
	rest := b[fixedV2:n]
	if command&15 == 0 {
		return Header{Local: true}, n, 0, nil
	}
	addressBytes := 0
	switch family {
	case 0x11: // TCP over IPv4
		addressBytes = 4
	case 0x21: // TCP over IPv6
		addressBytes = 16
	default: // of a family that no listener of ours has
		return Header{Local: true}, n, 0, nil
	}
	if len(rest) < 2*addressBytes+4 {
		return Header{}, 0, 0, fmt.Errorf("PROXY header of %d bytes where %d addresses are", len(rest), 2)
	}
	source, _ := netip.AddrFromSlice(rest[:addressBytes])
	destination, _ := netip.AddrFromSlice(rest[addressBytes : 2*addressBytes])
	ports := rest[2*addressBytes:]
	h.Source = netip.AddrPortFrom(source.Unmap(), binary.BigEndian.Uint16(ports))
	h.Destination = netip.AddrPortFrom(destination.Unmap(), binary.BigEndian.Uint16(ports[2:]))
	err = eachTLV(ports[4:], func(kind byte, value []byte) error {
		if kind == 0x20 { // PP2_TYPE_SSL
			h.TLS, err = parseTLS(value)
			return err
		}
		return nil
	})
	if err != nil {
		return Header{}, 0, 0, err
	}
	return h, n, 0, nil
}

// parseTLS reads client(8 bits) verify(32 bits) TLVs. Without its lowest bit, client says that there was no TLS.
func parseTLS(b []byte) (*TLS, error) {
	if len(b) < 5 {
		return nil, errors.New("PROXY header: what it says of TLS is cut off")
	}
	t := &TLS{}
	err := eachTLV(b[5:], func(kind byte, value []byte) error {
		switch kind {
		case 0x21:
			t.Version = string(value)
		case 0x22:
			t.CommonName = string(value)
		case 0x23:
			t.Cipher = string(value)
		}
		return nil
	})
	if err != nil || b[0]&1 == 0 {
		return nil, err
	}
	return t, nil
}

// eachTLV yields type(8 bits) length(16 bits) value.
func eachTLV(b []byte, yield func(kind byte, value []byte) error) error {
	for len(b) > 0 {
		if len(b) < 3 || len(b)-3 < int(binary.BigEndian.Uint16(b[1:])) {
			return errors.New("PROXY header: an additional field is cut off")
		}
		end := 3 + int(binary.BigEndian.Uint16(b[1:]))
		if err := yield(b[0], b[3:end]); err != nil {
			return err
		}
		b = b[end:]
	}
	return nil
}
