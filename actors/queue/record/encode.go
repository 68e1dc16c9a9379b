package record

import (
	"google.golang.org/protobuf/encoding/protowire"

	"warren/protocol"
)

// Encode is AppendMessages of a batch for whoever keeps it in memory as well: it returns the batch again, of which the persistent
// ones alias what is written, in one buffer of exactly the size they need. The others own their bytes.
func Encode(exchange string, messages []protocol.Message) (b []byte, own []protocol.Message) {
	size := sizeText(fieldExchange, len(exchange))
	var transient []protocol.Message
	for i := range messages {
		if m := &messages[i]; m.Flags.Has(protocol.FlagPersistent) {
			size += sizeText(fieldMessages, sizeStored(i, m))
		} else {
			transient = append(transient, *m)
		}
	}
	transient = protocol.CopyOut(transient)
	b = appendText(make([]byte, 0, size), fieldExchange, exchange)
	own = make([]protocol.Message, len(messages))
	for i := range messages {
		m := messages[i]
		if !m.Flags.Has(protocol.FlagPersistent) {
			own[i], transient = transient[0], transient[1:]
			continue
		}
		b = appendStored(b, i, &m) // never moves
		m.Body, m.Properties, m.RoutingKey = alias(b, &m)
		own[i] = m
	}
	return b, own
}

// alias finds the fields of the message at the end of b: body, properties and routing key, from the last to the first.
func alias(b []byte, m *protocol.Message) (body, properties []byte, key string) {
	take := func(field protowire.Number, n int) []byte {
		at := len(b) - n
		out := b[at:len(b):len(b)]
		b = b[:len(b)-sizeText(field, n)]
		return out
	}
	body = take(fieldBody, len(m.Body))
	properties = take(fieldProperties, len(m.Properties))
	return body, properties, protocol.Text(take(fieldRoutingKey, len(m.RoutingKey)))
}
