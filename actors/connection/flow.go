package connection

import (
	"sync/atomic"
	"time"
)

// Flow states, why a connection is not read.
const (
	flowing int32 = iota
	inFlow        // it is out of credit, or above a limit
	blocked       // memory is short
)

// What a connection in flow waits for, beside limits.
var (
	byQueues  = "queues that have not taken what it published"
	byReplies = "the client, which does not read its replies"
	byMemory  = "memory of contents"
	byAlarm   = ""
)

// calm is for how long a connection must be read without a break before it is not in flow any more (RabbitMQ: credit_flow,
// STATE_CHANGE_INTERVAL). One that publishes as fast as it may stands still for moments, many times in a second.
const calm = time.Second

// Flow is whether a connection is read, and if not, since when and because of whom. The reader alone changes it.
type Flow struct {
	state atomic.Int32
	by    atomic.Pointer[string]
	since atomic.Int64 // nanoseconds since the Unix epoch, when it began to be read no more
	until atomic.Int64 // ... and when it was read again
}

// stop says that the connection is not read, and whether what blocks it has begun or ended by that.
func (f *Flow) stop(state int32, by *string) (news bool) {
	before := f.state.Load()
	if before == state && f.by.Load() == by {
		return false
	}
	if now := time.Now().UnixNano(); before == flowing && now-f.until.Load() > int64(calm) {
		f.since.Store(now)
	}
	f.by.Store(by)
	f.state.Store(state)
	return (before == blocked) != (state == blocked)
}

// goOn says that it is read again.
func (f *Flow) goOn() (news bool) {
	before := f.state.Load()
	if before == flowing {
		return false
	}
	f.until.Store(time.Now().UnixNano())
	f.state.Store(flowing)
	return before == blocked
}

// stopped says that it is not read at this moment.
func (f *Flow) stopped() bool { return f.state.Load() != flowing }

// view is how it looks from outside: the state, what it waits for, and for how long it has.
func (f *Flow) view(now time.Time) (state int32, by string, lasts time.Duration) {
	why := f.by.Load()
	switch state = f.state.Load(); {
	case why == nil:
		return flowing, "", 0
	case state == flowing && (why == &byAlarm || now.UnixNano()-f.until.Load() > int64(calm)):
		return flowing, "", 0
	case state == flowing:
		state = inFlow
	}
	return state, *why, now.Sub(time.Unix(0, f.since.Load()))
}
