package protocol

import "encoding/binary"

// The headers by which a sender selects further routing keys (RabbitMQ, sender-selected distribution; contract P-36).
const (
	headerCC  = "CC"
	headerBCC = "BCC"
)

// SelectedKeys looks for further routing keys in the headers of a message, and says what it found as flags. Only an array can
// hold them.
func SelectedKeys(headers []byte) (Flags, *Error) {
	var found Flags
	for name, value := range Fields(headers) {
		switch string(name) {
		case headerCC:
			found |= FlagSelected
		case headerBCC:
			found |= FlagSelected | FlagBCC
		default:
			continue
		}
		if value[0] != 'A' {
			v, err := value.Decode()
			if err != nil {
				return 0, AsError(err)
			}
			return 0, PreconditionFailed("invalid message: {unacceptable_type_in_header,%s,%s}", Binary(string(name)), TypeName(v))
		}
	}
	return found, nil
}

// EachSelectedKey calls f for every routing key that the headers of a message name beside its own. What is no text is none.
// The keys alias the headers.
func EachSelectedKey(headers []byte, f func(key []byte)) {
	for _, header := range []string{headerCC, headerBCC} {
		value, _ := LookupField(headers, header)
		if len(value) == 0 || value[0] != 'A' {
			continue
		}
		items, _, _ := cutLongstr(value[1:])
		for len(items) > 0 {
			rest, err := scanValue(items, 0)
			if err != nil {
				return
			}
			if items[0] == 'S' {
				f(items[5 : len(items)-len(rest)])
			}
			items = rest
		}
	}
}

// HidesKeys says whether there are keys in BCC: FlagBCC for a message that comes from a place where flags are not kept.
func HidesKeys(headers []byte) bool {
	_, there := LookupField(headers, headerBCC)
	return there
}

// WithoutBCC returns the message as others may see it: without the keys that its sender hid. The message itself stays as it is.
func WithoutBCC(m Message) Message {
	if !m.Flags.Has(FlagBCC) {
		return m
	}
	m.Flags &^= FlagBCC
	flags, rest, _ := propertyFlags(m.Properties)
	for _, before := range []PropertyFlags{PropContentType, PropContentEncoding} {
		if flags&before != 0 {
			_, rest, _ = cutShortstr(rest)
		}
	}
	at := len(m.Properties) - len(rest)
	behind, err := ScanTable(rest)
	if err != nil {
		return m
	}
	out := make([]byte, at+4, len(m.Properties))
	copy(out, m.Properties[:at])
	for name, value := range Fields(rest) {
		if string(name) != headerBCC {
			out = append(append(append(out, byte(len(name))), name...), value...)
		}
	}
	binary.BigEndian.PutUint32(out[at:], uint32(len(out)-at-4))
	m.Properties = append(out, behind...)
	return m
}
