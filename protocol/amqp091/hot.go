package amqp091

import (
	"encoding/binary"
	"slices"
)

// The methods that the broker writes per message, each as a whole frame in one pass over reserved space. They are what
// AppendMethod writes for the struct of the same name (a test compares them), without the struct, which the interface
// would move to the heap: BenchmarkAppendDeliver has both.

// frame reserves a method frame whose arguments take size bytes, and writes all but the arguments. It returns dst,
// extended, and where the arguments go.
func frame(dst []byte, channel uint16, id MethodID, size int) (grown, args []byte) {
	at := len(dst)
	total := FrameOverhead + 4 + size
	dst = slices.Grow(dst, total)[:at+total]
	b := dst[at:]
	b[0] = FrameMethod
	binary.BigEndian.PutUint16(b[1:], channel)
	binary.BigEndian.PutUint32(b[3:], uint32(4+size))
	binary.BigEndian.PutUint32(b[7:], uint32(id))
	b[total-1] = FrameEnd
	return dst, b[FrameHeaderSize+4 : total-1]
}

// putShortstr writes s at the front of b and returns what is left of b.
func putShortstr(b []byte, s string) []byte {
	if len(s) > 255 {
		tooLong(s)
	}
	b[0] = byte(len(s))
	return b[1+copy(b[1:], s):]
}

func putBit(b []byte, bit bool) {
	b[0] = 0
	if bit {
		b[0] = 1
	}
}

// AppendDeliver writes basic.deliver.
func AppendDeliver(dst []byte, channel uint16, consumerTag string, deliveryTag uint64, redelivered bool, exchange, routingKey string) []byte {
	dst, b := frame(dst, channel, MethodBasicDeliver, 12+len(consumerTag)+len(exchange)+len(routingKey))
	b = putShortstr(b, consumerTag)
	binary.BigEndian.PutUint64(b, deliveryTag)
	putBit(b[8:], redelivered)
	b = putShortstr(b[9:], exchange)
	putShortstr(b, routingKey)
	return dst
}

// AppendReturn writes basic.return.
func AppendReturn(dst []byte, channel, replyCode uint16, replyText, exchange, routingKey string) []byte {
	dst, b := frame(dst, channel, MethodBasicReturn, 5+len(replyText)+len(exchange)+len(routingKey))
	binary.BigEndian.PutUint16(b, replyCode)
	b = putShortstr(b[2:], replyText)
	b = putShortstr(b, exchange)
	putShortstr(b, routingKey)
	return dst
}

// AppendGetOk writes basic.get-ok.
func AppendGetOk(dst []byte, channel uint16, deliveryTag uint64, redelivered bool, exchange, routingKey string, messageCount uint32) []byte {
	dst, b := frame(dst, channel, MethodBasicGetOk, 15+len(exchange)+len(routingKey))
	binary.BigEndian.PutUint64(b, deliveryTag)
	putBit(b[8:], redelivered)
	b = putShortstr(b[9:], exchange)
	b = putShortstr(b, routingKey)
	binary.BigEndian.PutUint32(b, messageCount)
	return dst
}

// AppendAck writes basic.ack, which confirms publishes when it is ours.
func AppendAck(dst []byte, channel uint16, deliveryTag uint64, multiple bool) []byte {
	dst, b := frame(dst, channel, MethodBasicAck, 9)
	binary.BigEndian.PutUint64(b, deliveryTag)
	putBit(b[8:], multiple)
	return dst
}

// AppendNack writes basic.nack.
func AppendNack(dst []byte, channel uint16, deliveryTag uint64, multiple, requeue bool) []byte {
	dst, b := frame(dst, channel, MethodBasicNack, 9)
	binary.BigEndian.PutUint64(b, deliveryTag)
	putBit(b[8:], multiple)
	if requeue {
		b[8] |= 2
	}
	return dst
}

// AppendPublish writes basic.publish, for what plays the client: the load generator, shovels.
func AppendPublish(dst []byte, channel uint16, exchange, routingKey string, mandatory bool) []byte {
	dst, b := frame(dst, channel, MethodBasicPublish, 5+len(exchange)+len(routingKey))
	b[0], b[1] = 0, 0
	b = putShortstr(b[2:], exchange)
	b = putShortstr(b, routingKey)
	putBit(b, mandatory)
	return dst
}
