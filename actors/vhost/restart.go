package vhost

import (
	"errors"
	"path"
	"strings"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/queue"
	"warren/supervision"
)

// RestartQueue has a queue that was given up try again, with what it holds and with a fresh limit. done hears, once, that it runs or
// why it does not; it must not block. RabbitMQ has no such thing for a classic queue: there one must be deleted, or its vhost
// restarted (rabbitmqctl restart_vhost).
func (d *Directory) RestartQueue(system *supervision.System, s *queue.Slot, done func(error)) {
	supervisor, id := path.Split(s.PID().Id)
	system.Send(system.PID(strings.TrimSuffix(supervisor, "/")), &supervision.RestartChild{ID: id, Done: func(_ *actor.PID, err error) {
		if errors.Is(err, supervision.ErrAlreadyStarted) {
			err = nil // somebody else asked as well, or its supervisor began anew
		}
		if err != nil {
			d.giveUp(s, system.Send) // it may have begun to recover
		} else {
			d.version.Add(1) // routes lead to it again
		}
		done(err)
	}})
}
