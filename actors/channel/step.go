package channel

import (
	"warren/actors/queue/ready"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// Step is one thing a channel has to do, as the connection's reader makes it of what one read brought: publishes to one
// exchange, settlements, a method, or the end. Steps are numbered per channel without gaps, and immutable.
type Step struct {
	Ordinal uint64

	// One of:
	Messages []protocol.Message // published to Exchange
	Acks     []Ack
	Method   amqp091.Method  // owns its strings
	Err      *protocol.Error // found by the reader, at this place in the stream
	Closed   bool            // the connection has ended
	Last     bool            // with Err: nothing behind it can be read
	Refused  *Refused        // with Err: of a publish, to which something else may be said first

	Exchange string
	Bytes    int // read for it and not given back before it is done
}

// ends is how far the step brings the channel, or the connection for whose own inbox it is, to its end.
func (s *Step) ends() Ending {
	switch s.Method.(type) {
	case nil:
		if s.Closed {
			return ConnectionEnd
		}
	case *amqp091.ChannelClose, *amqp091.ConnectionClose:
		return ClosedByPeer
	case *amqp091.ChannelCloseOk, *amqp091.ConnectionCloseOk:
		return ConnectionEnd
	}
	return Alive
}

// Refused is where a publish was to go that the reader has refused.
type Refused struct {
	Exchange, Key string
	BehindKey     bool // what may be said of the key comes first, too
}

// Ack is basic.ack, basic.nack or basic.reject.
type Ack struct {
	Tag      uint64
	Multiple bool
	Outcome  ready.Outcome
	Method   amqp091.MethodID
}
