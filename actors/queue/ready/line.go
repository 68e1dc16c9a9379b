package ready

import "fmt"

// Level is a message's priority on its queue. Messages of a higher level go first (RabbitMQ, priority queues guide).
type Level uint8

// levelShift: the highest byte of a message's index is its level. An interval is always of one level.
const levelShift = 56

// LevelOf is the level of the message with an index.
func LevelOf(index uint64) Level { return Level(index >> levelShift) }

func (l Level) first() uint64 { return uint64(l) << levelShift }

// line is the messages of one level.
//
// A message has an index, given on arrival and never reused. It waits (at or above cursor, or in returned), or it is
// with a consumer (in one of its runs), or it is settled (in none of them).
type line struct {
	next     uint64    // index of the next message to arrive
	cursor   uint64    // at and above: never delivered
	returned intervals // below cursor: waiting again at their old place, or since the broker started
	fresh    intervals // of returned, those that came from disk and were never delivered
	extents  extents   // the messages themselves
	paged    intervals // indexes of the extents that are on disk alone
	// expiry is when the message at the head expires, 0 for never, as it was known when that left memory. It is of that message alone.
	expiry headExpiry
}

func newLine(l Level) line { return line{next: l.first(), cursor: l.first()} }

func (l *line) ready() uint64 { return l.returned.count + l.next - l.cursor }

// head is the interval that goes out next, at most limit, all of it redelivered or none.
func (l *line) head(limit uint64) (in Interval, redelivered bool) {
	if len(l.returned.runs) > 0 {
		in = l.returned.runs[0]
		redelivered = true
		if len(l.fresh.runs) > 0 { // from disk, and not delivered before: up to there, or from there
			switch next := l.fresh.runs[0]; {
			case next.First == in.First:
				in.N, redelivered = min(in.N, next.N), false
			default:
				in.N = min(in.N, next.First-in.First)
			}
		}
		in.N = min(in.N, limit)
		return in, redelivered
	}
	return Interval{First: l.cursor, N: min(l.next-l.cursor, limit)}, false
}

// take removes an interval from the head of what waits.
func (l *line) take(in Interval) {
	switch {
	case len(l.returned.runs) > 0 && l.returned.runs[0].First == in.First:
		l.returned.takeFront(in)
		if len(l.fresh.runs) > 0 && l.fresh.runs[0].First == in.First {
			l.fresh.takeFront(in)
		}
	case in.First == l.cursor:
		l.cursor += in.N
	default:
		panic(fmt.Sprintf("queue: %v leaves the queue, which is not the next to go", in))
	}
}

// pick takes out of the middle of what waits and yields it. What is ahead of it there goes on waiting, as never delivered.
func (l *line) pick(in Interval, yield func(Interval)) {
	if in.end() > l.cursor {
		ahead := Interval{l.cursor, min(in.end(), l.next) - l.cursor}
		l.returned.add(ahead)
		l.fresh.add(ahead)
		l.cursor = ahead.end()
	}
	for _, r := range l.returned.within(in) {
		l.returned.remove(r)
		l.fresh.remove(r)
		yield(r)
	}
}

// waiting yields what waits, in order, until yield says that it is enough.
func (l *line) waiting(yield func(Interval) bool) bool {
	for _, in := range l.returned.runs {
		if !yield(in) {
			return false
		}
	}
	return l.next == l.cursor || yield(Interval{l.cursor, l.next - l.cursor})
}

func (l *line) clone() line {
	c := *l
	c.returned, c.fresh, c.paged = l.returned.clone(), l.fresh.clone(), l.paged.clone()
	c.extents = l.extents.clone()
	return c
}
