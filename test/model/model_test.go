package model

import (
	"errors"
	"math/rand/v2"
	"os"
	"strconv"
	"testing"
	"time"

	"warren/test/broker"
)

// length of a program: long enough to meet, short enough to read when it is shrunk.
const length = 150

// P-20, P-21, P-22, P-33, P-35, P-39, P-40, P-41, P-42, P-43, P-44, P-46, P-47, P-48, P-50, P-51, P-53, P-54, P-55, P-58, P-59, P-60,
// under programs made at random the broker does what a naive
// model of AMQP does. An error on one channel leaves the others alone, and its number can be used again.
func TestModel(t *testing.T) {
	b := broker.Shared(t)
	play(t, b.Addr, span(t), func(r *run) { configure(b, r) })
}

// configure says whom the model is compared with.
func configure(b *broker.Broker, r *run) {
	if !b.Own() {
		r.world.routeAtPublish = true
	}
}

// span is how long each of the two tests makes programs: WARREN_MODEL_FOR, or half a minute, which CI shortens.
func span(t *testing.T) time.Duration {
	t.Helper()
	if s := os.Getenv("WARREN_MODEL_FOR"); s != "" {
		d, err := time.ParseDuration(s)
		if err != nil {
			t.Fatalf("WARREN_MODEL_FOR: %v", err)
		}
		return d
	}
	if os.Getenv("CI") == "true" || testing.Short() {
		return 10 * time.Second
	}
	return 30 * time.Second
}

// seed is WARREN_SEED, or the clock.
func seed(t *testing.T) uint64 {
	t.Helper()
	s := os.Getenv("WARREN_SEED")
	if s == "" {
		return uint64(time.Now().UnixNano())
	}
	n, err := strconv.ParseUint(s, 10, 64)
	if err != nil {
		t.Fatalf("WARREN_SEED: %v", err)
	}
	return n
}

// play runs programs until the time is over or one differs, which is shrunk. Program i has the seed first+i.
func play(t *testing.T, addr string, span time.Duration, configure func(*run)) {
	t.Helper()
	first := seed(t)
	end := time.Now().Add(span)
	n := uint64(0)
	for ; n == 0 || time.Now().Before(end); n++ {
		steps := program(rand.New(rand.NewPCG(first+n, 0)), length)
		err := execute(addr, steps, configure)
		if err == nil {
			continue
		}
		var d *difference
		if !errors.As(err, &d) {
			t.Fatal(err)
		}
		small, last := shrink(steps[:d.at+1], time.Minute, func(steps []step) error {
			return execute(addr, steps, func(r *run) {
				configure(r)
				r.limit = 2 * time.Second
			})
		})
		if last == nil {
			last = errors.New("it did not differ again")
		}
		t.Fatalf("WARREN_SEED=%d: %v\nshrunk: %v\n%s", first+n, err, last, script(small))
	}
	t.Logf("%d programs of %d steps agree", n, length)
}
