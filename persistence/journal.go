// Package persistence is the persistence actor and what it stands on: the streams whose folds all other actors are.
//
// A stream in memory (package volatile) survives its actor. What must survive the process is also in a durable stream (package
// journal), which the actor that owns it writes through the persistence actor: appends are messages, and Durable comes back.
package persistence

import (
	"errors"
	"maps"
	"slices"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/persistence/journal"
	"warren/supervision"
)

// Journal is the persistence actor. It owns the journal of the data directory: everything that waits in its mailbox becomes
// one group, one write and one sync. There is no timer in this: while one sync is on its way, the next group collects.
type Journal struct {
	Log  *Log
	Logs zerolog.Logger
	// Await calls what waits for the disk. Whoever looks after actors may want to know; nil: nobody does.
	Await func(func())

	j           *journal.Journal
	streams     map[string]*stream
	ids         map[journal.StreamID]*stream
	repeats     []*stream // whose owners sent what had come, and may not have heard that it is durable
	commits     int
	checkpoints bool // since segments were looked at
	scheduled   bool // a commit waits behind what is in the mailbox
	lazy        bool // a commit is due after a while
	failing     bool
	syncing     bool // a sync is due
	looked      time.Time
}

// stream is what the actor remembers of a durable stream.
type stream struct {
	id     journal.StreamID
	name   string
	owner  *actor.PID
	next   uint64  // index of the next record, from 1
	tokens []token // of appends and checkpoints that are not durable
	// upto is the newest checkpoint's, and tail a provider's.
	upto uint64
	tail *tail
}

type token struct{ index, token uint64 }

type (
	commit  struct{}
	syncNow struct{}
	look    struct{ of *Journal } // at the disk
)

// lookAfter is how often free room is looked at; lookSoon how often at most while much is written.
const (
	lookAfter = time.Second
	lookSoon  = 20 * time.Millisecond
)

// retryAfter is how long a journal that cannot write waits before it tries a new segment.
const retryAfter = 500 * time.Millisecond

// Segments are looked at once in so many commits, and so much is copied at a time.
const (
	cleanAfter = 64
	cleanBytes = 4 << 20
)

// Receive is the journal's table of contents.
func (p *Journal) Receive(ctx actor.Context) {
	switch m := ctx.Message().(type) {
	case *actor.Started:
		p.open()
		if p.failing = p.Log.Failing.Load(); p.failing { // who waits for it to end waits for this incarnation now
			ctx.Send(ctx.Self(), &commit{})
		}
		p.writeAgain(ctx)
		p.look(ctx)
	case *look:
		if m.of == p { // its predecessor's timer may still be on
			p.look(ctx)
		}
	case *Append:
		p.append(ctx, m)
	case *Checkpoint:
		p.checkpoint(ctx, m)
	case *Fetch:
		p.fetch(ctx, m)
	case *readRequest:
		p.answer(ctx, m)
	case *Forget:
		p.forget(ctx, m.Stream)
	case *Retain:
		p.retain(ctx, m)
	case *commit:
		p.commit(ctx)
	case *syncNow:
		p.sync(ctx)
	}
}

// open opens the journal, as an actor that crashed left it or as the process before left it. The first time, what is in it
// becomes the beginning of everybody's streams.
func (p *Journal) open() {
	j, recovered, err := p.Log.open(p.Logs)
	if err != nil {
		panic(&supervision.Refusal{Err: err})
	}
	p.j, p.streams, p.ids = j, map[string]*stream{}, map[journal.StreamID]*stream{}
	for _, r := range recovered {
		s := &stream{id: r.id, name: r.name, next: r.next, upto: r.upto}
		p.streams[s.name], p.ids[s.id] = s, s
	}
	p.Log.publish(j.Stats(), p.Log.Status().LastCommit)
}

// writeAgain takes what providers sent to the incarnation before this one.
func (p *Journal) writeAgain(ctx actor.Context) {
	for _, m := range p.Log.unwritten() {
		switch m := m.(type) {
		case *Append:
			p.append(ctx, m)
		case *Checkpoint:
			p.checkpoint(ctx, m)
		}
	}
}

// Terminate writes what waits, unless the actor comes back: then its successor is sent it again.
func (p *Journal) Terminate(_ actor.Context, why supervision.Reason) {
	if why == supervision.Restarting || p.j == nil {
		return
	}
	p.Log.close(p.Logs)
	p.Log.closeCold(p.Logs)
}

func (p *Journal) stream(name string) *stream {
	s := p.streams[name]
	if s == nil {
		s = &stream{id: p.j.Stream(name), name: name, next: 1}
		p.streams[name], p.ids[s.id] = s, s
	}
	return s
}

func (p *Journal) append(ctx actor.Context, m *Append) {
	s := p.stream(m.Stream)
	s.owner, s.tail = m.From, m.tail
	for i := range m.Records {
		r := &m.Records[i]
		if r.Index == 0 {
			r.Index = s.next
		}
		if r.Index < s.next {
			if len(p.repeats) == 0 || p.repeats[len(p.repeats)-1] != s {
				p.repeats = append(p.repeats, s)
			}
			continue // it came before
		}
		if r.Index > s.next { // its owner restarts, and sends what is missing
			p.Logs.Warn().Str("stream", s.name).Uint64("index", r.Index).Uint64("next", s.next).Msg("records out of step")
			break
		}
		kind := journal.Event
		if r.Messages {
			kind = journal.Messages
		}
		if err := p.write(s, m.Incarnation, kind, r); errors.Is(err, journal.ErrStale) {
			p.Logs.Warn().Err(err).Str("stream", s.name).Msg("a writer that was replaced still writes: refused")
			return
		} else if err != nil {
			panic(err)
		}
		s.next++
	}
	if m.Token != 0 {
		s.tokens = append(s.tokens, token{s.next - 1, m.Token})
	}
	if m.Lazy {
		p.scheduleLater(ctx)
	} else {
		p.schedule(ctx)
	}
}

// write gives the journal a record, with its kind in front. What is not in the summary, bodies for the most part, is not copied for it.
func (p *Journal) write(s *stream, incarnation uint64, kind journal.Kind, r *Record) error {
	summary, tail := 0, r.Tail
	if r.Summary > 0 || tail.ID != 0 {
		summary = 1 + r.Summary
	}
	head := append(append(make([]byte, 0, 1+r.Summary), r.Kind), r.Payload[:r.Summary]...)
	if tail.ID == 0 {
		tail.Bytes = r.Payload[r.Summary:]
	}
	return p.j.AppendParted(s.id, incarnation, r.Index-1, kind, summary, head, tail)
}

// lazyAfter is how long settlements wait for company.
const lazyAfter = 50 * time.Millisecond

func (p *Journal) scheduleLater(ctx actor.Context) {
	if p.scheduled || p.failing || p.lazy {
		return
	}
	p.lazy = true
	self, system := ctx.Self(), ctx.ActorSystem()
	time.AfterFunc(lazyAfter, func() { system.Root.Send(self, &commit{}) })
}

// schedule has a commit done behind everything that waits in the mailbox now.
func (p *Journal) schedule(ctx actor.Context) {
	if !p.scheduled && !p.failing {
		p.scheduled = true
		ctx.Send(ctx.Self(), &commit{})
	}
}

// checkpoint also releases the messages that do not live on.
func (p *Journal) checkpoint(ctx actor.Context, m *Checkpoint) {
	s := p.stream(m.Stream)
	upto := m.Upto
	if upto >= s.next {
		return // what it stands for did not come: its owner restarts
	}
	if upto < s.upto {
		return // a newer one came before its repeat
	}
	s.upto = upto
	if m.Token != 0 {
		s.owner, s.tail = m.From, m.tail
		s.tokens = append(s.tokens, token{s.next - 1, m.Token})
	}
	if err := p.j.Claim(s.id, m.Incarnation); errors.Is(err, journal.ErrStale) {
		return // what it takes for living is not what lives
	}
	live := m.Live.Cursor()
	err := p.j.ReleaseBut(s.id, upto, func(from, to uint64) uint64 { return live.Count(from+1, to+1) }) // from rises
	if err != nil {
		panic(err)
	}
	p.checkpoints = true
	if err := p.j.Checkpoint(s.id, m.Incarnation, upto, append([]byte{m.Kind}, m.Payload...)); err != nil {
		panic(err)
	}
	p.schedule(ctx)
}

// retain also lets go of what was found at the start and nobody will ask for.
func (p *Journal) retain(ctx actor.Context, m *Retain) {
	found := p.Log.Streams()
	there := append(slices.Collect(maps.Keys(p.streams)), p.Log.tailNames()...)
	keep := m.Keep()
	for _, name := range found {
		if !keep(name) {
			p.Log.Recovered(name)
		}
	}
	for _, name := range there {
		if !keep(name) {
			p.forget(ctx, name)
		}
	}
}

func (p *Journal) forget(ctx actor.Context, name string) {
	p.Log.dropTail(name)
	s := p.streams[name]
	if s == nil {
		return
	}
	if err := p.j.Remove(s.id); err != nil {
		panic(err)
	}
	delete(p.streams, s.name)
	delete(p.ids, s.id)
	p.schedule(ctx)
}

// commit writes and syncs the group. After a failure nothing is confirmed any more until a new segment has taken the whole
// tail; the alarm says so meanwhile, and whoever publishes waits.
func (p *Journal) commit(ctx actor.Context) {
	p.scheduled, p.lazy = false, false
	var done []journal.Durable
	var err error
	p.await(func() { done, err = p.j.Commit() })
	if err != nil {
		p.fail(ctx, err)
		return
	}
	if p.failing {
		p.failing = false
		p.Log.failing(false)
		p.Logs.Info().Msg("the journal is written again")
	}
	now, stats := time.Now(), p.j.Stats()
	p.Log.publish(stats, now)
	if now.Sub(p.looked) > lookSoon {
		p.looked = now
		p.Log.lowOnDisk(stats.FreeBytes, p.Logs)
	}
	p.tell(ctx, done)
	p.tellAgain(ctx)
	p.syncLater(ctx)
	if p.commits++; p.checkpoints || p.commits%cleanAfter == 0 {
		p.checkpoints = false
		p.clean(ctx)
	}
}

func (p *Journal) await(f func()) {
	if p.Await == nil {
		f()
		return
	}
	p.Await(f)
}

// fail raises the alarm and tries again later.
func (p *Journal) fail(ctx actor.Context, err error) {
	if !p.failing {
		p.Logs.Error().Err(err).Msg("the journal cannot be written: confirms stop until it can")
		p.failing = true
		p.Log.failing(true)
		p.stalled(ctx)
	}
	p.Log.publish(p.j.Stats(), p.Log.Status().LastCommit)
	self, system := ctx.Self(), ctx.ActorSystem()
	time.AfterFunc(retryAfter, func() { system.Root.Send(self, &commit{}) })
}

// stalled is for who would keep somebody waiting until the disk takes something again.
func (p *Journal) stalled(ctx actor.Context) {
	for _, s := range p.streams {
		if s.owner != nil {
			ctx.Send(s.owner, &Stalled{})
		}
	}
}

// look watches the disk, also for others that fill it or make room.
func (p *Journal) look(ctx actor.Context) {
	p.Log.lowOnDisk(p.j.Stats().FreeBytes, p.Logs)
	self, system := ctx.Self(), ctx.ActorSystem()
	time.AfterFunc(lookAfter, func() { system.Root.Send(self, &look{p}) })
}

// syncLater sees to it that what was reported and not synced is (journal.sync = interval), also when nothing follows.
func (p *Journal) syncLater(ctx actor.Context) {
	if p.Log.options.Sync != journal.SyncInterval || p.syncing || !p.j.Unsynced() {
		return
	}
	p.syncing = true
	self, system := ctx.Self(), ctx.ActorSystem()
	time.AfterFunc(p.Log.interval(), func() { system.Root.Send(self, &syncNow{}) })
}

func (p *Journal) sync(ctx actor.Context) {
	p.syncing = false
	var done []journal.Durable
	var err error
	p.await(func() { done, err = p.j.Sync() })
	if err != nil {
		p.fail(ctx, err)
		return
	}
	p.tell(ctx, done)
}

// clean takes a step of housekeeping, and comes back when there is more to do.
func (p *Journal) clean(ctx actor.Context) {
	var cleaned journal.Cleaned
	var err error
	p.await(func() { cleaned, err = p.j.Clean(cleanBytes) })
	if err != nil {
		p.Logs.Error().Err(err).Msg("the journal could not be cleaned")
		return
	}
	for _, d := range cleaned.Damage {
		p.Logs.Error().Stringer("damage", d).Msg("the journal is damaged")
	}
	p.tell(ctx, cleaned.Durable)
	if cleaned.More {
		p.schedule(ctx)
	}
}

// tell says to the owners of streams how far they are durable.
func (p *Journal) tell(ctx actor.Context, done []journal.Durable) {
	for _, d := range done {
		if s := p.ids[d.Stream]; s != nil {
			s.durable(ctx, d.Upto)
		}
	}
}

// tellAgain is for owners that crashed with the word of what is durable in their mailbox.
func (p *Journal) tellAgain(ctx actor.Context) {
	for _, s := range p.repeats {
		if info, err := p.j.Info(s.id); err == nil && info.Durable > 0 { // else it was forgotten
			s.durable(ctx, info.Durable)
		}
	}
	clear(p.repeats)
	p.repeats = p.repeats[:0]
}

func (s *stream) durable(ctx actor.Context, upto uint64) {
	newest := s.take(upto)
	if s.tail != nil {
		s.tail.written(newest)
	}
	if s.owner != nil {
		ctx.Send(s.owner, &Durable{Stream: s.name, Upto: upto, Token: newest})
	}
}

// take forgets the tokens of what is durable and returns the newest.
func (s *stream) take(upto uint64) (newest uint64) {
	n := 0
	for n < len(s.tokens) && s.tokens[n].index <= upto {
		newest = s.tokens[n].token
		n++
	}
	s.tokens = slices.Delete(s.tokens, 0, n)
	return newest
}
