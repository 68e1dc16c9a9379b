package protocol

import (
	"encoding/binary"
)

// PropertyFlags says which of the 14 basic properties are present, AMQP 0-9-1 section 4.2.6.1.
type PropertyFlags uint16

// The properties of class basic in their order on the wire.
const (
	PropContentType     PropertyFlags = 1 << 15
	PropContentEncoding PropertyFlags = 1 << 14
	PropHeaders         PropertyFlags = 1 << 13
	PropDeliveryMode    PropertyFlags = 1 << 12
	PropPriority        PropertyFlags = 1 << 11
	PropCorrelationID   PropertyFlags = 1 << 10
	PropReplyTo         PropertyFlags = 1 << 9
	PropExpiration      PropertyFlags = 1 << 8
	PropMessageID       PropertyFlags = 1 << 7
	PropTimestamp       PropertyFlags = 1 << 6
	PropType            PropertyFlags = 1 << 5
	PropUserID          PropertyFlags = 1 << 4
	PropAppID           PropertyFlags = 1 << 3
	PropClusterID       PropertyFlags = 1 << 2

	// knownProperties leaves out the two low bits: bit 0 would announce a second word of flags, which class basic does
	// not have, and RabbitMQ ignores both.
	knownProperties PropertyFlags = 0xfffc
)

// Values of the delivery-mode property.
const (
	DeliveryTransient  uint8 = 1
	DeliveryPersistent uint8 = 2
)

// Properties are the basic properties, decoded. The message path carries them raw and looks with ScanProperties; this
// is for those who change them (dead-lettering) or show them (management).
type Properties struct {
	// Present keeps an empty property apart from an absent one. Whoever builds Properties need not set it: a field that
	// is not zero is present anyway. Clear takes a property out.
	Present PropertyFlags

	ContentType     string
	ContentEncoding string
	Headers         Table
	DeliveryMode    uint8
	Priority        uint8
	CorrelationID   string
	ReplyTo         string
	Expiration      string
	MessageID       string
	Timestamp       Timestamp
	Type            string
	UserID          string
	AppID           string
	ClusterID       string // reserved in the specification, cluster-id in RabbitMQ
}

// ParseProperties reads raw properties, flags and list, as they stand in a content header behind the body size. What it
// returns owns its memory.
//
//	short-uint flags | those of the 14 values whose flag is set, in order
func ParseProperties(raw []byte) (Properties, error) {
	flags, b, err := propertyFlags(raw)
	if err != nil {
		return Properties{}, err
	}
	p := Properties{Present: flags}
	for flag := PropContentType; flag >= PropClusterID; flag >>= 1 {
		if flags&flag == 0 {
			continue
		}
		if b, err = p.parse(flag, b); err != nil {
			return Properties{}, err
		}
	}
	if len(b) != 0 {
		return Properties{}, errTrailingProperties(len(b))
	}
	return p, nil
}

func (p *Properties) parse(flag PropertyFlags, b []byte) (rest []byte, err error) {
	switch flag {
	case PropHeaders:
		p.Headers, rest, err = ParseTable(b)
		return rest, err
	case PropDeliveryMode, PropPriority:
		if len(b) < 1 {
			return nil, errTruncated("content header")
		}
		*p.octet(flag) = b[0]
		return b[1:], nil
	case PropTimestamp:
		if len(b) < 8 {
			return nil, errTruncated("content header")
		}
		p.Timestamp = Timestamp(binary.BigEndian.Uint64(b))
		return b[8:], nil
	}
	s, rest, ok := cutShortstr(b)
	if !ok {
		return nil, errTruncated("content header")
	}
	*p.text(flag) = string(s)
	return rest, nil
}

// Append writes raw properties. A text of more than 255 bytes is a broken invariant and panics.
func (p *Properties) Append(dst []byte) []byte {
	at := len(dst)
	dst = append(dst, 0, 0)
	var flags PropertyFlags
	for flag := PropContentType; flag >= PropClusterID; flag >>= 1 {
		if !p.Has(flag) {
			continue
		}
		flags |= flag
		switch flag {
		case PropHeaders:
			dst = AppendTable(dst, p.Headers)
		case PropDeliveryMode, PropPriority:
			dst = append(dst, *p.octet(flag))
		case PropTimestamp:
			dst = binary.BigEndian.AppendUint64(dst, uint64(p.Timestamp))
		default:
			dst = appendShortstr(dst, *p.text(flag))
		}
	}
	binary.BigEndian.PutUint16(dst[at:], uint16(flags))
	return dst
}

// Has tells whether one property is present.
func (p *Properties) Has(flag PropertyFlags) bool {
	if p.Present&flag != 0 {
		return true
	}
	switch flag {
	case PropHeaders:
		return len(p.Headers) > 0
	case PropDeliveryMode, PropPriority:
		return *p.octet(flag) != 0
	case PropTimestamp:
		return p.Timestamp != 0
	}
	return *p.text(flag) != ""
}

// Clear takes one property out.
func (p *Properties) Clear(flag PropertyFlags) {
	p.Present &^= flag
	switch flag {
	case PropHeaders:
		p.Headers = nil
	case PropDeliveryMode, PropPriority:
		*p.octet(flag) = 0
	case PropTimestamp:
		p.Timestamp = 0
	default:
		*p.text(flag) = ""
	}
}

func (p *Properties) octet(flag PropertyFlags) *uint8 {
	if flag == PropDeliveryMode {
		return &p.DeliveryMode
	}
	return &p.Priority
}

func (p *Properties) text(flag PropertyFlags) *string {
	switch flag {
	case PropContentType:
		return &p.ContentType
	case PropContentEncoding:
		return &p.ContentEncoding
	case PropCorrelationID:
		return &p.CorrelationID
	case PropReplyTo:
		return &p.ReplyTo
	case PropExpiration:
		return &p.Expiration
	case PropMessageID:
		return &p.MessageID
	case PropType:
		return &p.Type
	case PropUserID:
		return &p.UserID
	case PropAppID:
		return &p.AppID
	case PropClusterID:
		return &p.ClusterID
	}
	panic("protocol: not one property flag")
}

// propertyFlags cuts the flags off raw properties.
func propertyFlags(raw []byte) (PropertyFlags, []byte, error) {
	if len(raw) < 2 {
		return 0, nil, errTruncated("content header")
	}
	return PropertyFlags(binary.BigEndian.Uint16(raw)) & knownProperties, raw[2:], nil
}

func errTrailingProperties(n int) error {
	return SyntaxError("%d bytes behind the last property of a content header", n)
}
