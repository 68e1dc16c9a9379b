package supervision

import "sync/atomic"

// keepCap is how many entries (16 bytes each) an idle queue may keep from its last burst.
const keepCap = 512

// lane is a queue between many producers and one consumer. Producers append to in, under the mailbox's lock; the
// consumer swaps in for its own drained array and works through it without a lock. Proto.Actor's goring takes a lock per
// message and keeps its peak size for ever.
type lane struct {
	in     []any        // guarded by the mailbox's lock
	queued atomic.Int32 // len(in); changes with it
	taken  int32        // guarded likewise: the size of the burst in work, or of the last one

	out []any // the consumer's
	pos int   // the consumer's
}

// put adds a message. Call it under the lock.
func (l *lane) put(msg any) {
	l.in = append(l.in, msg)
	l.queued.Store(int32(len(l.in)))
}

// made returns a lane, which is made if it is not there. Call it under the lock.
func made(p *atomic.Pointer[lane]) *lane {
	l := p.Load()
	if l == nil {
		l = &lane{}
		p.Store(l)
	}
	return l
}

// waits reports whether there is something to swap. A lane that was not made has nothing.
func (l *lane) waits() bool { return l != nil && l.queued.Load() > 0 }

// drained reports whether the consumer has to swap before it can pop.
func (l *lane) drained() bool { return l.pos == len(l.out) }

// swap takes the producers' whole array. Call it drained, under the lock.
func (l *lane) swap() {
	spare := l.out[:0]
	if cap(spare) > keepCap {
		spare = nil
	}
	l.in, l.out, l.pos = spare, l.in, 0
	l.taken = int32(len(l.out))
	l.queued.Store(0)
}

func (l *lane) pop() any {
	m := l.out[l.pos]
	l.out[l.pos] = nil
	l.pos++
	return m
}

// rest takes everything that is left, in order. Call it under the lock, as the consumer.
func (l *lane) rest() []any {
	if l == nil {
		return nil
	}
	left := append(l.out[l.pos:len(l.out):len(l.out)], l.in...)
	l.in, l.out, l.pos, l.taken = nil, nil, 0, 0
	l.queued.Store(0)
	return left
}
