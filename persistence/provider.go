package persistence

import (
	"errors"
	"fmt"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	proto_actor "github.com/asynkron/protoactor-go/persistence"
	"google.golang.org/protobuf/proto"
)

// Kinds of records in a stream that a provider writes; the numbers are on disk (docs/formats/streams.md).
const (
	kindEvent    uint8 = 1
	kindSnapshot uint8 = 2 // what came before does not count; also as a checkpoint
	kindNothing  uint8 = 3 // of a checkpoint: what came before does not count, and nothing stands for it
)

// Provider is Proto.Actor's persistence.Provider over the journal: an actor's name is its stream's, its events are numbered from 0, and
// events and snapshots are protobuf messages of one type each.
//
// What is persisted is on its way to the disk when the call returns, with whatever else the next commit takes; Durable says when it is
// there. It survives the actor and the journal's actor at once. Reading is what the interface makes it: it returns when it is done,
// and so it belongs into the start of an actor and nowhere else.
//
// Differs: a snapshot makes the events before it superfluous by itself, and the one before it as well.
type Provider struct {
	Log  *Log
	Send func(to *actor.PID, message any)
	// Incarnation of the actor. When a newer one has asked for its state, this one's can write no more.
	Incarnation uint64
	// From hears of Durable; it may be nil.
	From *actor.PID
	// Event and Snapshot are empty messages of the types that there are.
	Event, Snapshot proto.Message
	// Interval is how many events are worth a snapshot.
	Interval int
}

var _ proto_actor.Provider = (*Provider)(nil)

// GetState returns the state for one incarnation of an actor.
func (p *Provider) GetState() proto_actor.ProviderState { return &providerState{Provider: p} }

type providerState struct {
	*Provider
	name string // whose records are there
	read []Record
}

// Restart is called ahead of a recovery.
func (s *providerState) Restart() { s.name, s.read = "", nil }

func (s *providerState) GetSnapshotInterval() int { return max(1, s.Interval) }

// GetSnapshot returns the newest snapshot, and the index of the first event that is not in it.
func (s *providerState) GetSnapshot(name string) (snapshot any, eventIndex int, ok bool) {
	r := newestSnapshot(s.records(name))
	if r == nil {
		return nil, 0, false
	}
	return decode(name, r, s.Snapshot), int(r.Index), true
}

func newestSnapshot(records []Record) *Record {
	for i := len(records) - 1; i >= 0; i-- {
		switch r := &records[i]; r.Kind {
		case kindSnapshot:
			return r
		case kindNothing:
			return nil
		}
	}
	return nil
}

// GetEvents calls back with the events from an index up to, but not including, another; 0 stands for the end.
func (s *providerState) GetEvents(name string, from, to int, callback func(event any)) {
	for i, records := 0, s.records(name); i < len(records); i++ {
		switch r := &records[i]; r.Kind {
		case kindEvent:
			if at := int(r.Index) - 1; at >= from && (to == 0 || at < to) {
				callback(decode(name, r, s.Event))
			}
		case kindSnapshot, kindNothing:
		default:
			panic(fmt.Errorf("journal: stream %s: record %d is of unknown kind %d: a newer version wrote it", name, r.Index, r.Kind))
		}
	}
}

func decode(name string, r *Record, as proto.Message) proto.Message {
	m := as.ProtoReflect().New().Interface()
	if err := proto.Unmarshal(r.Payload, m); err != nil {
		panic(fmt.Errorf("journal: stream %s: record %d: %w", name, r.Index, err))
	}
	return m
}

func encode(name string, m proto.Message) []byte {
	b, err := proto.Marshal(m)
	if err != nil { // what comes from outside is checked when it comes in
		panic(fmt.Sprintf("journal: stream %s: %T does not encode: %v", name, m, err))
	}
	return b
}

// PersistEvent has the next event written. One that came before is there already.
func (s *providerState) PersistEvent(name string, eventIndex int, event proto.Message) {
	t := s.Log.tail(name)
	m := &Append{
		Stream: name, Incarnation: s.Incarnation, From: s.From, tail: t,
		Records: []Record{{Index: uint64(eventIndex) + 1, Kind: kindEvent, Payload: encode(name, event)}},
	}
	if t.event(s.Incarnation, m) {
		s.Send(s.Log.PID, m)
	}
}

// PersistSnapshot has a snapshot written that stands for all events below an index.
func (s *providerState) PersistSnapshot(name string, snapshotIndex int, snapshot proto.Message) {
	s.checkpoint(name, snapshotIndex, kindSnapshot, encode(name, snapshot))
}

func (s *providerState) checkpoint(name string, upto int, kind uint8, payload []byte) {
	t := s.Log.tail(name)
	m := &Checkpoint{
		Stream: name, Incarnation: s.Incarnation, From: s.From, tail: t, Upto: uint64(upto), Kind: kind, Payload: payload,
	}
	t.snapshot(s.Incarnation, m)
	s.Send(s.Log.PID, m)
}

// DeleteSnapshots takes the newest snapshot away, if its index is not above. Those before it went when it came.
func (s *providerState) DeleteSnapshots(name string, inclusiveToIndex int) {
	s.Restart()
	if _, at, ok := s.GetSnapshot(name); ok && at <= inclusiveToIndex {
		s.checkpoint(name, at, kindNothing, nil)
	}
	s.Restart()
}

// DeleteEvents takes the events up to an index away. The newest snapshot stays, and counts as one of the state behind them.
func (s *providerState) DeleteEvents(name string, inclusiveToIndex int) {
	s.Restart()
	defer s.Restart()
	kind, payload := kindNothing, []byte(nil)
	if r := newestSnapshot(s.records(name)); r != nil {
		if int(r.Index) > inclusiveToIndex {
			return
		}
		kind, payload = kindSnapshot, r.Payload
	}
	s.checkpoint(name, inclusiveToIndex+1, kind, payload)
}

// records are those of a stream, a checkpoint in front: what was found at the start the first time, and what is there now later on.
func (s *providerState) records(name string) []Record {
	if s.name == name {
		return s.read
	}
	s.name, s.read = name, nil
	records, known := s.Log.tail(name).found(s.Incarnation)
	if !known {
		records = s.readBack(name)
	}
	s.read = records
	return records
}

// readBack asks the journal. Should its actor crash with the question in its mailbox, it is asked again.
func (s *providerState) readBack(name string) []Record {
	for range 10 {
		answer := make(chan *readBack, 1)
		s.Send(s.Log.PID, &readRequest{name, answer})
		select {
		case got := <-answer:
			records, err := got.records()
			if err != nil {
				panic(fmt.Errorf("journal: stream %s: %w", name, err))
			}
			return records
		case <-time.After(time.Second):
		}
	}
	panic(errors.New("journal: stream " + name + ": nobody answers"))
}
