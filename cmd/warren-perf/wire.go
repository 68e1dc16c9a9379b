package main

import (
	"encoding/binary"
	"fmt"
	"maps"
	"slices"
)

// The few pieces of AMQP 0-9-1 a load generator needs, written so that the hot loops touch as few bytes as they can.
// It is not warren/protocol/amqp091 on purpose: a generator that shares the broker's codec shares its mistakes.

const (
	frameMethod    = 1
	frameHeader    = 2
	frameBody      = 3
	frameHeartbeat = 8
	frameEnd       = 0xCE

	frameHeaderSize = 7
	frameOverhead   = frameHeaderSize + 1
)

// method is class id << 16 | method id, as the first four bytes of a method frame's payload read.
type method uint32

const (
	connectionStart   method = 10<<16 | 10
	connectionStartOk method = 10<<16 | 11
	connectionTune    method = 10<<16 | 30
	connectionTuneOk  method = 10<<16 | 31
	connectionOpen    method = 10<<16 | 40
	connectionOpenOk  method = 10<<16 | 41
	connectionClose   method = 10<<16 | 50
	connectionCloseOk method = 10<<16 | 51
	connectionBlocked method = 10<<16 | 60
	channelOpen       method = 20<<16 | 10
	channelOpenOk     method = 20<<16 | 11
	channelClose      method = 20<<16 | 40
	exchangeDeclare   method = 40<<16 | 10
	exchangeDeclareOk method = 40<<16 | 11
	queueDeclare      method = 50<<16 | 10
	queueDeclareOk    method = 50<<16 | 11
	queueBind         method = 50<<16 | 20
	queueBindOk       method = 50<<16 | 21
	queueDelete       method = 50<<16 | 40
	queueDeleteOk     method = 50<<16 | 41
	basicQos          method = 60<<16 | 10
	basicQosOk        method = 60<<16 | 11
	basicConsume      method = 60<<16 | 20
	basicConsumeOk    method = 60<<16 | 21
	basicPublish      method = 60<<16 | 40
	basicReturn       method = 60<<16 | 50
	basicDeliver      method = 60<<16 | 60
	basicAck          method = 60<<16 | 80
	basicNack         method = 60<<16 | 120
	basicCancel       method = 60<<16 | 30
	confirmSelect     method = 85<<16 | 10
	confirmSelectOk   method = 85<<16 | 11
)

var bigEndian = binary.BigEndian

// encoder appends fields; the zero value is ready.
type encoder []byte

func (e *encoder) method(m method)    { *e = bigEndian.AppendUint32(*e, uint32(m)) }
func (e *encoder) octet(v byte)       { *e = append(*e, v) }
func (e *encoder) short(v uint16)     { *e = bigEndian.AppendUint16(*e, v) }
func (e *encoder) long(v uint32)      { *e = bigEndian.AppendUint32(*e, v) }
func (e *encoder) longLong(v uint64)  { *e = bigEndian.AppendUint64(*e, v) }
func (e *encoder) longStr(s string)   { e.long(uint32(len(s))); *e = append(*e, s...) }
func (e *encoder) shortStr(s string)  { *e = append(append(*e, byte(len(s))), s...) }
func (e *encoder) table(t fieldTable) { e.longStr(string(t.encode())) }

// fieldTable holds what a generator sends: strings, integers, booleans and tables.
type fieldTable map[string]any

func (t fieldTable) encode() []byte {
	var e encoder
	for _, key := range slices.Sorted(maps.Keys(t)) {
		e.shortStr(key)
		switch v := t[key].(type) {
		case string:
			e.octet('S')
			e.longStr(v)
		case int64:
			e.octet('l')
			e.longLong(uint64(v))
		case bool:
			e.octet('t')
			e.octet(flag(v))
		case fieldTable:
			e.octet('F')
			e.table(v)
		default:
			panic(fmt.Sprintf("field %q: a %T cannot be sent", key, v))
		}
	}
	return e
}

// flag is one bit of an octet that packs several, shifted by the caller.
func flag(v bool) byte {
	if v {
		return 1
	}
	return 0
}

// appendFrame wraps a payload.
func appendFrame(b []byte, kind byte, channel uint16, payload []byte) []byte {
	b = append(b, kind)
	b = bigEndian.AppendUint16(b, channel)
	b = bigEndian.AppendUint32(b, uint32(len(payload)))
	b = append(b, payload...)
	return append(b, frameEnd)
}

// appendAck is one whole basic.ack frame.
func appendAck(b []byte, channel uint16, tag uint64, multiple bool) []byte {
	var e encoder = append(b, frameMethod)
	e.short(channel)
	e.long(4 + 8 + 1)
	e.method(basicAck)
	e.longLong(tag)
	e.octet(flag(multiple))
	e.octet(frameEnd)
	return e
}

// closeError reads the reply code and text of a connection.close or channel.close payload.
func closeError(payload []byte) error {
	if len(payload) < 7 || len(payload) < 7+int(payload[6]) {
		return fmt.Errorf("the broker closed with a broken close method % x", payload)
	}
	return fmt.Errorf("the broker closed: %d %s", bigEndian.Uint16(payload[4:]), payload[7:7+int(payload[6])])
}
