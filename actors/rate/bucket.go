// Package rate slows down those who publish, or are delivered, more in a second than their vhost or their user may. RabbitMQ has
// no such limits (contract A-18).
//
// [Bucket] is the thinking. A [Limit] is what all connections of one vhost, or one user, have together: whoever finds it closed is
// woken in turn. A [Scope] is where a vhost's or a user's limits are found, and [Registry] where the scopes are.
package rate

import (
	"math"
	"time"
)

// Bucket lets a number of tokens pass in a second. Who finds it open may take what is needed, also more than there is: that is a
// debt, and the bucket stays closed until it is paid. So a message passes however large it is, and the rate holds all the same.
type Bucket struct {
	rate  float64 // tokens a second
	level float64 // what there is; a debt below 0
	at    time.Time
}

// burst is for how long a bucket saves up what nobody takes, and share how much of a second one taker gets before it is the
// next one's turn.
const (
	burst = 200 * time.Millisecond
	share = 10 * time.Millisecond
)

// NewBucket returns a full one.
func NewBucket(rate int64, now time.Time) Bucket {
	b := Bucket{rate: float64(rate), at: now}
	b.level = b.most()
	return b
}

// most is where it is full: never less than one token, so that slow rates have a burst of one.
func (b *Bucket) most() float64 { return max(min(1, b.rate), b.rate*burst.Seconds()) }

// settle brings the level up to date. A clock that stands still or goes back brings nothing.
func (b *Bucket) settle(now time.Time) {
	if passed := now.Sub(b.at); passed > 0 {
		b.level, b.at = min(b.most(), b.level+b.rate*passed.Seconds()), now
	}
}

// Set changes the rate from now on. A debt stays one, in tokens.
func (b *Bucket) Set(rate int64, now time.Time) {
	b.settle(now)
	b.rate = float64(rate)
	b.level = min(b.level, b.most())
}

// token is what has to be there, but for what is lost in counting.
const token = 1 - 1e-6

// Open says whether something may be taken.
func (b *Bucket) Open(now time.Time) bool {
	b.settle(now)
	return b.level >= token
}

// Take takes n tokens, whether they are there or not.
func (b *Bucket) Take(n int) { b.level -= float64(n) }

// OpenIn is when it opens if nobody takes anything until then, and whether it ever does.
func (b *Bucket) OpenIn(now time.Time) (in time.Duration, ever bool) {
	switch {
	case b.Open(now):
		return 0, true
	case b.rate == 0:
		return 0, false
	}
	seconds := (1 - b.level) / b.rate
	if seconds > maxWait.Seconds() {
		return maxWait, true
	}
	return time.Duration(math.Ceil(seconds*float64(time.Second))) + 1, true
}

// maxWait is after how long a bucket is looked at again at the latest, and keeps durations from overflowing.
const maxWait = time.Hour

// Share is what one taker takes at a time, so that those behind it get their turn.
func (b *Bucket) Share() int { return int(max(1, b.rate*share.Seconds())) }
