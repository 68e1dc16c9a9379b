package channel

import (
	"sync"

	"github.com/asynkron/protoactor-go/actor"
)

// Inbox is what a channel has yet to do. The reader puts steps in, the channel takes them out when they are done, and a
// channel that restarts finds everything it had not done. It belongs to the connection's transport.
type Inbox struct {
	mu      sync.Mutex
	steps   []Step // not done
	bytes   int    // of steps
	ledger  int    // bytes published and not yet in every queue
	ordinal uint64 // of the newest step
	pid     *actor.PID
	taker   uint64 // incarnation that takes steps
	woken   bool
	ending  Ending          // how far client and connection have brought the channel to its end
	left    func(at Ending) // nobody takes steps any more, and this hears of the end instead
	closed  bool            // counts no more

	send    func(*actor.PID, any)
	account func(delta int)
}

// Wake tells a channel to look into its inbox.
type Wake struct{}

var wake = &Wake{}

// NewInbox returns an empty inbox. send reaches actors from outside; account hears how many bytes more or fewer the
// channel holds on to.
func NewInbox(send func(*actor.PID, any), account func(delta int)) *Inbox {
	return &Inbox{send: send, account: account}
}

// Put numbers steps and adds them.
func (in *Inbox) Put(steps []Step) {
	in.mu.Lock()
	for i := range steps {
		in.ending = max(in.ending, steps[i].ends())
	}
	if left, at := in.left, in.ending; left != nil {
		in.mu.Unlock()
		left(at)
		return
	}
	bytes := 0
	for i := range steps {
		in.ordinal++
		steps[i].Ordinal = in.ordinal
		bytes += steps[i].Bytes
	}
	if in.steps == nil {
		in.steps = steps
	} else {
		in.steps = append(in.steps, steps...)
	}
	in.bytes += bytes
	pid := in.pid
	if in.woken {
		pid = nil
	}
	in.woken = true
	if in.closed {
		bytes = 0
	}
	in.mu.Unlock()
	in.account(bytes)
	if pid != nil {
		in.send(pid, wake)
	}
}

// Leave is for an actor that was given up, and of which no other takes its place. What waits is dropped and given back, what still comes is
// dropped, and left hears how far client and connection have brought the end: now, and when that changes. The ledger's share is over too.
func (in *Inbox) Leave(left func(at Ending)) {
	in.mu.Lock()
	freed, at := in.bytes+in.ledger, in.ending
	if in.closed {
		freed = 0
	}
	in.steps, in.bytes, in.ledger, in.pid, in.left = nil, 0, 0, nil, left
	in.mu.Unlock()
	if freed != 0 {
		in.account(-freed)
	}
	left(at)
}

// Attach makes an incarnation the only one that takes steps, and pid the actor that is woken; nil for nobody.
func (in *Inbox) Attach(pid *actor.PID, incarnation uint64) {
	in.mu.Lock()
	if incarnation >= in.taker {
		in.pid, in.taker = pid, incarnation
	}
	in.mu.Unlock()
}

// After returns the steps behind an ordinal. The next Put wakes the channel again.
func (in *Inbox) After(ordinal uint64) []Step {
	in.mu.Lock()
	defer in.mu.Unlock()
	in.woken = false
	for i := range in.steps {
		if in.steps[i].Ordinal > ordinal {
			return in.steps[i:len(in.steps):len(in.steps)]
		}
	}
	return nil
}

// Empty says that every step is done.
func (in *Inbox) Empty() bool {
	in.mu.Lock()
	defer in.mu.Unlock()
	return len(in.steps) == 0
}

// Done forgets the steps up to an ordinal. ledger are the bytes that their messages still hold. An incarnation that was replaced, because it
// was stuck, and wakes up is not heard: what it takes for held would count until the other one has its next turn, and that may wait for it.
func (in *Inbox) Done(incarnation, ordinal uint64, ledger int) {
	in.mu.Lock()
	if in.left != nil || incarnation < in.taker {
		in.mu.Unlock()
		return
	}
	n, freed := 0, 0
	for n < len(in.steps) && in.steps[n].Ordinal <= ordinal {
		freed += in.steps[n].Bytes
		n++
	}
	// Not cleared: the channel's own view of them may be the same array.
	if in.steps = in.steps[n:]; len(in.steps) == 0 {
		in.steps = nil
	}
	in.bytes -= freed
	delta := ledger - in.ledger - freed
	in.ledger = ledger
	if in.closed {
		delta = 0
	}
	in.mu.Unlock()
	if delta != 0 {
		in.account(delta)
	}
}

// Close is for a channel that is gone: nobody is going to say Done to what is left.
func (in *Inbox) Close() {
	in.mu.Lock()
	left := in.bytes + in.ledger
	if in.closed {
		left = 0
	}
	in.closed = true
	in.mu.Unlock()
	in.account(-left)
}
