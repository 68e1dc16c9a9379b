package channel

import (
	"math"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/session"
	"warren/persistence/volatile"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// Abandon is the end of a channel that was given up: its queues let the session go, and the client hears channel.close with 541, on this
// channel alone (Differs: RabbitMQ closes the connection, contract K-31; the siblings have done nothing). Nobody is there any more to answer,
// so inbox and outlet do: what still comes is dropped, and the number is free again when the client has answered (AMQP 0-9-1, 1.5.2.5). It may
// be called from outside the channel's actor, and more than once.
func Abandon(o Options) {
	o.depart(o.System, o.System.PID(o.Path+"/"+o.ID))
	closes, closeOk := closed(protocol.InternalError("the channel failed too often")), &amqp091.ChannelCloseOk{}
	o.Inbox.Leave(func(at Ending) { o.Outlet.Finish(at, o.Number, closes, closeOk) })
}

func closed(err *protocol.Error) *amqp091.ChannelClose {
	return &amqp091.ChannelClose{ReplyCode: err.Code, ReplyText: err.ReplyText(), ClassID: err.Class, MethodID: err.Method}
}

// depart ends the session wherever it is known, by what its stream says: the actor may have died before it had folded that. Queues hear
// first what was settled.
func (o *Options) depart(to session.Sender, self *actor.PID) {
	o.account(0)
	o.Sessions.Remove(o.Session)
	stream := volatile.Open(o.Streams, o.streamName(), newState)
	defer o.Streams.Drop(o.streamName())
	got, err := stream.Claim(math.MaxUint64)
	if err != nil {
		return
	}
	s := session.New(o.Session, &got.State.State, self)
	s.SendCommands(to)
	s.Leave(to)
	s.Unfollow()
	o.VHost.Unfollow(self)
}
