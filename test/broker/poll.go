package broker

import (
	"testing"
	"time"
)

// Eventually asks until done answers true; what it last answered instead goes into the failure. It is for what no client is told:
// memory given back, an actor gone.
func Eventually(t testing.TB, limit time.Duration, what string, done func() (bool, any)) {
	t.Helper()
	end := time.Now().Add(limit)
	for pause := time.Millisecond; ; pause = min(2*pause, 100*time.Millisecond) {
		ok, last := done()
		if ok {
			return
		}
		if time.Now().After(end) {
			t.Fatalf("not within %v: %s; last: %v", limit, what, last)
		}
		<-time.After(pause)
	}
}
