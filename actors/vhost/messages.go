package vhost

import (
	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/protocol"
)

// Request is who asks for something: a session, with a number of its own by which it knows the answer.
type Request struct {
	Session    uint64
	ID         uint64
	User       string
	Connection uint64 // owner of exclusive queues
	// Again: it may have been asked before, and the answer may be on its way (design 0002).
	Again bool
}

func (r Request) request() Request { return r }

// What a vhost takes. Every command can come twice: then it finds done what it asks for, or is refused as before.
type (
	DeclareExchange struct {
		Request
		Name, Type                    string
		Durable, AutoDelete, Internal bool
		Arguments                     protocol.Table
	}
	DeleteExchange struct {
		Request
		Name     string
		IfUnused bool
	}
	DeclareQueue struct {
		Request
		Name                           string
		Durable, Exclusive, AutoDelete bool
		// ServerNamed is an exclusive queue whose name we chose: whoever consumes asks for one before anything else.
		ServerNamed bool
		Arguments   protocol.Table
	}
	DeleteQueue struct {
		Request
		Name              string
		IfUnused, IfEmpty bool
	}
	// Bind and Unbind lead from the exchange Source to a queue, or to an exchange when ToExchange is set.
	Bind struct {
		Request
		Source, Destination, Key string
		ToExchange               bool
		Arguments                protocol.Table
	}
	Unbind struct {
		Request
		Source, Destination, Key string
		ToExchange               bool
		Arguments                protocol.Table
	}
	// OwnerGone deletes the exclusive queues of a connection that ended; answered by OwnerForgotten.
	OwnerGone struct {
		Connection uint64
		From       *actor.PID
	}
)

// What a vhost says.
type (
	// Answer is for the session's request of that ID.
	Answer struct {
		ID       uint64
		Err      *protocol.Error
		Queue    *queue.Slot // of DeclareQueue
		Existed  bool        // of DeclareQueue: it was there
		Messages uint64      // of DeleteQueue: how many went with it
	}
	// OwnerForgotten: the exclusive queues of the connection are deleted.
	OwnerForgotten struct{ Connection uint64 }
	// Up: the vhost has a new incarnation. Requests that were not answered may be lost.
	Up struct{}
	// Down: the vhost was given up or deleted. Nothing that it was asked is answered any more.
	Down struct{}
)
