package persistence

import (
	"errors"
	"fmt"

	"github.com/asynkron/protoactor-go/actor"

	"warren/persistence/journal"
	"warren/persistence/segment"
)

// readers is how many fetches read from the disk at a time.
const readers = 4

// fetch reads records that their owner does not keep in memory. The reading happens beside the actor's turns, which have syncs to
// wait for; the reader holds the segments it needs meanwhile. Whoever asked asks again when either side restarts.
func (p *Journal) fetch(ctx actor.Context, m *Fetch) {
	out := &Fetched{Stream: m.Stream, Tag: m.Tag}
	s := p.streams[m.Stream]
	if s == nil {
		out.Err = fmt.Errorf("journal: fetch from %s, which is not there", m.Stream)
		ctx.Send(m.From, out)
		return
	}
	indexes := make([]uint64, len(m.Records))
	for i, r := range m.Records {
		indexes[i] = r - 1
	}
	r, err := p.j.Pick(s.id, indexes)
	if err != nil {
		panic(err)
	}
	log, root, limit := p.Logs, ctx.ActorSystem().Root, p.Log.reading
	go func() {
		limit <- struct{}{}
		defer func() { <-limit }()
		out.read(r, m.Records, func(err error) {
			log.Error().Err(err).Str("stream", m.Stream).Msg("a record of the journal cannot be read: what it held is lost")
		})
		root.Send(m.From, out)
	}()
}

// read takes in what a reader brings of the records that were asked for. damaged hears of those that cannot be read.
func (f *Fetched) read(r *journal.Reader, asked []uint64, damaged func(error)) {
	got := make([]Record, 0, r.Len())
	for event, err := range r.All() {
		switch {
		case err == nil:
			got = append(got, fromJournal(event, event.Index+1))
		case errors.Is(err, segment.ErrChecksum):
			damaged(err)
		default:
			f.Err = err
			return
		}
	}
	at := 0
	for _, index := range asked {
		if at < len(got) && got[at].Index == index {
			at++
		} else {
			f.Lost = append(f.Lost, index)
		}
	}
	f.Records = got
}
