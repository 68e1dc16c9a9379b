package raw

import (
	"encoding/binary"
	"fmt"
)

// Fields builds a method's arguments, field by field.
type Fields []byte

func (b Fields) Octet(v byte) Fields      { return append(b, v) }
func (b Fields) Short(v uint16) Fields    { return binary.BigEndian.AppendUint16(b, v) }
func (b Fields) Long(v uint32) Fields     { return binary.BigEndian.AppendUint32(b, v) }
func (b Fields) LongLong(v uint64) Fields { return binary.BigEndian.AppendUint64(b, v) }
func (b Fields) ShortStr(s string) Fields { return append(append(b, byte(len(s))), s...) }
func (b Fields) LongStr(s string) Fields  { return append(b.Long(uint32(len(s))), s...) }

// Table appends alternating keys and values.
func (b Fields) Table(pairs ...any) Fields {
	var t Fields
	for i := 0; i < len(pairs); i += 2 {
		t = t.ShortStr(pairs[i].(string))
		switch v := pairs[i+1].(type) {
		case string:
			t = t.Octet('S').LongStr(v)
		case bool:
			t = t.Octet('t')
			if v {
				t = t.Octet(1)
			} else {
				t = t.Octet(0)
			}
		case int:
			t = t.Octet('l').LongLong(uint64(v))
		case Fields: // a table that was built before
			t = append(t.Octet('F'), v...)
		default:
			panic(fmt.Sprintf("a %T in a field table", v))
		}
	}
	return b.LongStr(string(t))
}

// Decoder takes fields off the front; a test that reads beyond the end fails by panic.
type Decoder struct{ Rest []byte }

func (d *Decoder) take(n int) []byte {
	v := d.Rest[:n]
	d.Rest = d.Rest[n:]
	return v
}

func (d *Decoder) Octet() byte      { return d.take(1)[0] }
func (d *Decoder) Short() uint16    { return binary.BigEndian.Uint16(d.take(2)) }
func (d *Decoder) Long() uint32     { return binary.BigEndian.Uint32(d.take(4)) }
func (d *Decoder) LongLong() uint64 { return binary.BigEndian.Uint64(d.take(8)) }
func (d *Decoder) ShortStr() string { return string(d.take(int(d.Octet()))) }
func (d *Decoder) LongStr() string  { return string(d.take(int(d.Long()))) }

// MethodFrame is a whole method frame.
func MethodFrame(channel uint16, id ID, args Fields) []byte {
	return Frame{FrameMethod, channel, append(Fields{}.Short(id.Class).Short(id.Method), args...)}.Encode()
}

// Publish is basic.publish's arguments.
func Publish(exchange, key string) Fields {
	return Fields{}.Short(0).ShortStr(exchange).ShortStr(key).Octet(0)
}

// ContentHeader is a content header frame without properties.
func ContentHeader(channel uint16, bodyBytes uint64) []byte {
	return Frame{FrameHeader, channel, Fields{}.Short(60).Short(0).LongLong(bodyBytes).Short(0)}.Encode()
}

// Body is one body frame.
func Body(channel uint16, part []byte) []byte { return Frame{FrameBody, channel, part}.Encode() }

// Message is a whole publish with its content.
func Message(channel uint16, exchange, key string, body []byte) []byte {
	b := MethodFrame(channel, BasicPublish, Publish(exchange, key))
	b = append(b, ContentHeader(channel, uint64(len(body)))...)
	if len(body) > 0 {
		b = append(b, Body(channel, body)...)
	}
	return b
}
