package ready

import "fmt"

type (
	// Recovered: the queue is durable, and this is what was on disk. It is the first event of such a queue's stream.
	Recovered struct {
		Found     *Found     // nil for nothing
		Next      []uint64   // indexes of the next messages, by level
		Delivered []Interval // were with a consumer once
		Dead      []Dead     // were to be dead-lettered
		Expires   bool       // some of it expires
		Made      uint64     // newest record
	}
	// RecoveredExtent is the messages of one record, which are on disk.
	RecoveredExtent struct {
		Record, First, N uint64
		Bytes, Bodies    int        // of those that live
		Live             []Interval // not settled, and not transient
		Held             []int64    // when its messages are due, of a queue that holds them back
	}
)

func (*Recovered) event() {}

// Found is the messages that a start finds. They are packed as they come, and made chapters of, so that they never are in memory as lists;
// whoever recovers gets a copy that shares what is packed.
type Found struct {
	sizes Sizes
	chill func(Draft) *Chapter
	state *State // of which there are only the messages
	away  Set    // dead
	held  Set    // of those, what a queue that holds messages back has
	ends  []ending
}

// ending is what is packed at the end of a level and in no chapter.
type ending struct {
	pages int // in front of it
	tally
	bytes int
}

// NewFound begins with nothing. Some of what comes is dead; chill writes chapters, or returns nil.
func NewFound(z Sizes, dead []Dead, chill func(Draft) *Chapter) *Found {
	f := &Found{sizes: z.orWorthIt(), chill: chill, state: New()}
	for _, d := range dead {
		f.away.Put(d.Interval)
	}
	return f
}

// Add adds a batch, some of which lives. Each comes behind all others of its level.
func (f *Found) Add(r *RecoveredExtent) error {
	s := f.state
	l := s.lineOf(r.First)
	if r.First < l.next {
		return fmt.Errorf("messages from %d on come behind those up to %d", r.First, l.next-1)
	}
	x := extent{first: r.First, record: r.Record, n: uint32(r.N), left: r.Bytes, body: r.Bodies}
	for _, in := range r.Live {
		x.live += uint32(in.N)
		if r.Held == nil {
			l.returned.add(in)
			l.fresh.add(in)
		} else {
			f.hold(r, in)
		}
	}
	l.next = x.end()
	l.extents.push(x)
	f.pack(LevelOf(r.First))
	l.paged.add(Interval{r.First, r.N})
	s.bytes += x.left
	for _, in := range r.Live {
		s.bodies += x.bodies(int(in.First-x.first), int(in.end()-x.first))
	}
	return nil
}

// hold takes messages of a record that were held back when the process ended; some were on their way.
func (f *Found) hold(r *RecoveredExtent, in Interval) {
	for _, in := range f.away.set.within(in) {
		f.held.Put(in)
	}
	f.away.Without(in, func(in Interval) {
		for i := in.First; i < in.end(); i++ {
			f.state.own().schedule.push(due{r.Held[i-r.First], i})
		}
	})
}

// pack packs the list at the end of a level when it is full, and makes a chapter of such pages when that is, too. The first that would be
// one is next to go, and stays.
func (f *Found) pack(level Level) {
	x := &f.state.lines[level].extents
	last := &x.pages[len(x.pages)-1]
	if len(last.list.all) < f.sizes.Most {
		return
	}
	last.packed, last.list = pack(last.list.all), nil
	x.packed++
	for len(f.ends) <= int(level) {
		f.ends = append(f.ends, ending{})
	}
	e := &f.ends[level]
	e.add(tallyOf(last.packed))
	e.bytes += len(last.packed)
	if e.extents < f.sizes.Chapter && e.bytes < chapterBytes {
		return
	}
	if e.pages > 0 {
		if c := f.chill(draft(x.pages[e.pages:], e.tally)); c != nil {
			x.chill(c)
		}
	}
	*e = ending{pages: len(x.pages)}
}

func (s *State) recovered(e *Recovered) {
	s.saving = &saving{on: true, made: e.Made}
	if f := e.Found; f != nil {
		found := f.state.Clone()
		s.lines, s.apart, s.bytes, s.bodies = found.lines, found.apart, found.bytes, found.bodies
	}
	for _, next := range e.Next {
		l := s.lineOf(next)
		l.next, l.cursor = next, next
	}
	for _, in := range e.Delivered {
		s.lineOf(in.First).fresh.remove(in)
	}
	s.recoverDead(e)
	s.expires = e.Expires
}

// recoverDead takes what was dead when the process ended out of what waits.
func (s *State) recoverDead(e *Recovered) {
	var held intervals
	if e.Found != nil {
		held = e.Found.held.set.clone()
	}
	for _, d := range e.Dead {
		l := s.lineOf(d.First)
		die := func(in Interval) {
			l.extents.thaw(in)
			s.bodies -= l.extents.bodies(in)
			a := s.own()
			a.dying += in.N
			a.dead = append(a.dead, Dead{in, d.Reason})
		}
		for _, in := range held.within(d.Interval) { // what was held back waits nowhere
			held.remove(in)
			die(in)
		}
		for _, in := range l.returned.within(d.Interval) {
			l.returned.remove(in)
			l.fresh.remove(in)
			die(in)
		}
	}
}
