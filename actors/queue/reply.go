package queue

import "strings"

// ReplyTo is the pseudo queue of direct reply-to (contract P-38). Who consumes from it has a queue of its own, under this name, a dot
// and a token that nobody can guess: exclusive and auto-delete, so that it ends with its consumer, its channel or its connection. It
// is found by its name alone: nobody lists it, binds it, or uses it otherwise.
const ReplyTo = "amq.rabbitmq.reply-to"

// IsReply says whether a name is that of such a queue.
func IsReply(name string) bool { return strings.HasPrefix(name, ReplyTo+".") }

// Hidden says whether the queue is one of those, or of those that hold messages back.
func (s *Slot) Hidden() bool { return IsReply(string(s.Name)) || s.Settings().Holds.Set }
