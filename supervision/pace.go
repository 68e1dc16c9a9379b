package supervision

import (
	"runtime"
	"time"
)

// slice is about how long an actor works before it lets others run. Go's scheduler would let it for 10 ms, and a message passes
// several actors on its way, each of which may wait for that long behind every busy one.
const slice = 500 * time.Microsecond

// The clock is looked at once in so many turns: as many as slice allows for, within these. An actor that wakes for fewer turns than
// the least never looks.
const (
	leastTurns = 4
	firstTurns = 16
)

// pace is how an actor with much to do shares the processors. It belongs to whoever runs the mailbox.
type pace struct {
	every int32         // turns between two looks at the clock
	turns int32         // since the last
	since time.Duration // when the others last had their chance; 0 when it is not known
}

// begin is called when the actor wakes.
func (p *pace) begin() {
	p.turns, p.since = 0, 0
	if p.every == 0 {
		p.every = firstTurns
	}
}

// due counts a turn that is to come, and says whether to look at the clock first.
func (p *pace) due() bool {
	p.turns++
	return p.turns > p.every
}

// look says whether it is time to yield, and adapts to how long turns take. most is the bound of turns between two looks.
func (p *pace) look(now time.Duration, most int) (yield bool) {
	p.turns = 1
	if p.since == 0 {
		p.since = now
		return false
	}
	switch took := now - p.since; {
	case took >= slice:
		p.every = max(leastTurns, p.every/2)
		return true
	case took < slice/4:
		p.every = min(int32(most), p.every*2)
	}
	return false
}

// yield lets everybody run who waits to.
func (p *pace) yield() {
	runtime.Gosched()
	p.since = sinceStart()
}

var start = time.Now()

func sinceStart() time.Duration { return time.Since(start) }
