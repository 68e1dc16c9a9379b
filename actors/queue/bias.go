package queue

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// bias slows publishers, a little and not for long, whom the consumers of a queue could just follow if they were not quicker. What is in
// front of the consumers grows then until it goes through the disk, which costs more than all the rest, and takes from those who are behind
// already what they would need to catch up. So while there is much of it the word that messages are accepted waits for a round, or until
// there is less. Whoever publishes to consumers that are far slower is not slowed: a round in which they took next to nothing is the last
// for a while. RabbitMQ has a consumer bias for the same reason.
//
// It is not state: the next incarnation begins with none.
type bias struct {
	running  bool  // a round is
	messages int   // that have left for consumers in it
	bytes    int   // of those
	rest     int64 // Unix milliseconds at which the next may begin
}

// A round is short enough that a publisher whose window is full every time still gets 200 MB/s through. It was worth it when consumers
// took either number.
const (
	biasRound    = 10 * time.Millisecond
	biasRest     = time.Second
	biasMessages = 5000
	biasBytes    = 1 << 20
)

// begin says that a round is, and whether it has just begun.
func (p *bias) begin(now func() int64) (running, begun bool) {
	if p.running {
		return true, false
	}
	if p.rest != 0 && now() < p.rest {
		return false, false
	}
	*p = bias{running: true}
	return true, true
}

// took counts what has left for consumers.
func (p *bias) took(messages, bytes int) {
	p.messages += messages
	p.bytes += bytes
}

// end ends a round.
func (p *bias) end(now func() int64) {
	vain := p.running && p.messages < biasMessages && p.bytes < biasBytes
	if p.running = false; vain {
		p.rest = now() + biasRest.Milliseconds()
	}
}

// biasOver comes when a round is over.
type biasOver struct{}

var overBias = &biasOver{}

// biased says that who has just published hears later that it is here.
func (q *Queue) biased(ctx actor.Context) bool {
	if !q.outrun() {
		return false
	}
	running, begun := q.paging.begin().bias.begin(q.now)
	if begun {
		self, system := ctx.Self(), ctx.ActorSystem()
		time.AfterFunc(biasRound, func() { system.Root.Send(self, overBias) })
	}
	return running
}

// outrun says that there is much in memory in front of consumers.
func (q *Queue) outrun() bool {
	return q.Journal != nil && q.state.Resident() > overfull*q.resident && len(q.state.Consumers()) > 0
}
