package queue

import (
	"bytes"
	"fmt"
	"iter"

	"warren/actors/queue/ready"
	"warren/persistence"
)

// This file is about what is in a queue's durable stream and cannot be replayed. A queue that stopped at it would stop there for ever: it is
// taken out, kept in a file, and logged, and the queue lives (DESIGN section 5, poison). Streams in memory do that by themselves
// ([volatile.Store.Keep]).

func (q *Queue) quarantined(stream, what, reason string, content []byte) {
	log := q.Log.Error().Str("vhost", q.Slot.VHost).Str("queue", string(q.Slot.Name)).Str("event", what).Str("reason", reason).Int("bytes", len(content))
	if q.Journal != nil {
		path, err := q.Journal.Quarantine(stream, what, content)
		log = log.Str("file", path).AnErr("not_kept", err)
	}
	log.Msg("event quarantined: its replay fails")
}

// replay folds the records of the durable stream, and keeps those that cannot be. It says whether there were some: the queue then writes a
// checkpoint, which does not have them, so that no later start meets them again.
func (q *Queue) replay(records iter.Seq[*persistence.Record]) (recovered *ready.Recovered, some bool) {
	f := fold{holds: q.Slot.Settings().Holds.Set}
	all := func(add func(*persistence.Record) error) {
		for r := range records {
			if attempt(add, r) == nil {
				continue
			}
			if err := attempt(add, r); err != nil {
				some = true
				q.quarantined(q.stored(), fmt.Sprintf("record-%d", r.Index), err.Error(), bytes.Join([][]byte{{r.Kind}, r.Payload, r.Tail.Bytes}, nil))
			}
		}
	}
	all(f.became)
	f.found = ready.NewFound(q.Sizes, f.out.Dead, q.chill)
	all(f.enqueued)
	return f.recovered(), some
}

// attempt adds a record to a fold, with a panic as an error.
func attempt(add func(*persistence.Record) error, r *persistence.Record) (err error) {
	defer func() {
		if reason := recover(); reason != nil {
			err = fmt.Errorf("panic: %v", reason)
		}
	}()
	return add(r)
}

// DeadlyEvent says whether an event brings a message whose body is deadly on order (chaos.poison) for whatever remembers it.
func DeadlyEvent(word string) func(event any) bool {
	start := []byte(word + "-event")
	return func(event any) bool {
		e, is := event.(*ready.Enqueued)
		if is {
			for i := range e.Messages {
				if bytes.HasPrefix(e.Messages[i].Body, start) {
					return true
				}
			}
		}
		return false
	}
}
