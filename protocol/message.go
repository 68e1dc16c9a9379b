package protocol

import "unsafe"

// Message is one published message on its way from a publisher to queues and consumers.
//
// It is immutable from the moment a session has numbered it: exchange, queues, streams and consumers share it without
// copying. RoutingKey, Properties and Body may alias the buffer the publisher's bytes were read into; whoever keeps a
// message for longer than a turn keeps a copy (see [CopyOut]).
type Message struct {
	// Seq numbers the publishes of one session from 1, whatever their exchange. On one publish link (session, exchange)
	// it increases, but not by one.
	Seq uint64

	RoutingKey string
	// Properties are the property flags and the property list of the content header as the publisher sent them
	// (AMQP 0-9-1, 4.2.6.1), but for the broker's own marks in the flags. They are spliced into the delivery unchanged.
	Properties []byte
	Body       []byte

	Flags    Flags
	Priority uint8
}

// Flags are what a broker has to know about a message without reading its properties again.
type Flags uint8

const (
	// FlagPersistent is delivery-mode 2.
	FlagPersistent Flags = 1 << iota
	// FlagMandatory asks for a basic.return when no queue is reached.
	FlagMandatory
	// FlagHeaders says that the properties carry a headers table.
	FlagHeaders
	// FlagExpires says that the properties carry an expiration.
	FlagExpires
	// FlagSelected says that the headers name further routing keys: CC or BCC.
	FlagSelected
	// FlagBCC says that some of them are hidden from whoever gets the message (see [WithoutBCC]).
	FlagBCC
	// FlagDead says that the message is a dead letter on its way: it does not go where that would be a cycle ([DeathCycle]).
	FlagDead
)

// Has says whether all of want are set.
func (f Flags) Has(want Flags) bool { return f&want == want }

// messageOverhead is what a message costs beside its bytes, for the ledger of memory.
const messageOverhead = 96

// Size is the memory a message holds, in bytes.
func (m *Message) Size() int {
	return len(m.RoutingKey) + len(m.Properties) + len(m.Body) + messageOverhead
}

// Bodies is how many bytes the bodies of messages have together.
func Bodies(messages []Message) (bytes int) {
	for i := range messages {
		bytes += len(messages[i].Body)
	}
	return bytes
}

// CopyOut returns messages that own their bytes, in one buffer of exactly the size they need. It is for whoever keeps
// messages while the buffers they were read into go on to other uses.
func CopyOut(messages []Message) []Message {
	if len(messages) == 0 {
		return nil
	}
	size := 0
	for i := range messages {
		size += len(messages[i].RoutingKey) + len(messages[i].Properties) + len(messages[i].Body)
	}
	buf := Uncleared(size)[:0]
	out := make([]Message, len(messages))
	for i := range messages {
		m := messages[i]
		buf, m.RoutingKey = appendString(buf, m.RoutingKey)
		buf, m.Properties = appendBytes(buf, m.Properties)
		buf, m.Body = appendBytes(buf, m.Body)
		out[i] = m
	}
	return out
}

func appendBytes(buf, b []byte) (grown, part []byte) {
	start := len(buf)
	buf = append(buf, b...)
	return buf, buf[start:len(buf):len(buf)]
}

func appendString(buf []byte, s string) (grown []byte, part string) {
	start := len(buf)
	buf = append(buf, s...)
	// buf was made large enough for everything, so it never moves.
	return buf, Text(buf[start:])
}

// Text is bytes that nobody writes again as a string, without a copy.
func Text(b []byte) string { return unsafe.String(unsafe.SliceData(b), len(b)) }
