package supervision

import "time"

// window counts restarts against a Limit. It keeps the times of at most Restarts restarts, for that many are all it
// takes to know whether one more is too many. Pure: the clock is its caller's.
type window struct {
	limit Limit
	times []time.Time // oldest first, never more than limit.Restarts
}

// allow records a restart at now and says whether it is within the limit (OTP's add_restart/1). The one that was too
// many is not recorded.
func (w *window) allow(now time.Time) bool {
	old := 0
	for old < len(w.times) && now.Sub(w.times[old]) >= w.limit.within() {
		old++
	}
	w.times = append(w.times[:0], w.times[old:]...)
	if len(w.times) >= w.limit.Restarts {
		return false
	}
	w.times = append(w.times, now)
	return true
}
