package supervision

// keepCap is how many entries (16 bytes each) an idle queue may keep from its last burst.
const keepCap = 512

// burst is a queue between many producers and one consumer. Producers append to in, under the mailbox's lock; the
// consumer swaps in for its own drained array and works through it without a lock. Proto.Actor's goring takes a lock per
// message and keeps its peak size for ever.
type burst struct {
	in  []any // guarded by the mailbox's lock
	out []any // the consumer's
	pos int   // the consumer's
}

// drained reports whether the consumer has to swap before it can pop.
func (b *burst) drained() bool { return b.pos == len(b.out) }

// swap takes the producers' whole array and says how many messages it has. Call it drained, under the lock.
func (b *burst) swap() int {
	spare := b.out[:0]
	if cap(spare) > keepCap {
		spare = nil
	}
	b.in, b.out, b.pos = spare, b.in, 0
	return len(b.out)
}

func (b *burst) pop() any {
	m := b.out[b.pos]
	b.out[b.pos] = nil
	b.pos++
	return m
}

// rest takes everything that is left, in order. Call it under the lock, as the consumer.
func (b *burst) rest() []any {
	left := append(b.out[b.pos:len(b.out):len(b.out)], b.in...)
	*b = burst{}
	return left
}
