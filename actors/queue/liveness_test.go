package queue

import (
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"warren/actors/queue/ready"
)

// act does one thing at random.
func (w *world) act() (what string) {
	var c *party
	if ids := w.ids(); len(ids) > 0 {
		c = w.clients[ids[w.r.IntN(len(ids))]]
	}
	fits := c != nil && !c.down && !c.leaving && c.session != undertaker
	switch n := w.r.IntN(100); {
	case n < 18:
		w.publish(1 + w.r.IntN(4))
		return "publish"
	case n < 22:
		if len(w.clients) < 4 {
			w.next++
			c := w.join(w.next)
			c.number, c.limit = FirstConsumer, 1+w.r.IntN(4)
			return fmt.Sprint("join ", c.session)
		}
	case n < 28 && fits && len(c.taps) < 3:
		o := &Consume{Consumer: c.number, NoAck: w.r.IntN(4) == 0, Prefetch: w.r.IntN(4), Priority: int64(w.r.IntN(2))}
		if !o.NoAck && w.r.IntN(3) == 0 {
			o.Shared = true
		}
		c.number++
		c.command(o)
		return fmt.Sprintf("consume %d %+v", c.session, *o)
	case n < 36 && fits && c.get == 0:
		c.get = c.first + uint64(len(c.pending))
		c.command(&Get{NoAck: w.r.IntN(2) == 0})
		return fmt.Sprint("get ", c.session)
	case n < 50 && fits && len(c.unacked) > 0:
		at, how := w.r.IntN(len(c.unacked)), ready.Outcome(w.r.IntN(3))
		c.settle(at, how)
		return fmt.Sprint("settle ", c.session, how)
	case n < 53 && fits:
		for _, number := range slices.Sorted(maps.Keys(c.taps)) {
			if k := c.taps[number]; !k.cancelled {
				k.cancelled = true
				c.command(&Cancel{Consumer: number})
				return fmt.Sprint("cancel ", c.session, number)
			}
		}
	case n < 55 && fits && len(c.pending) == 0 && c.get == 0:
		c.leave()
		return fmt.Sprint("leave ", c.session)
	case n < 57 && fits:
		c.command(&Inspect{})
		return fmt.Sprint("inspect ", c.session)
	case n < 58 && fits && w.lossy:
		c.command(&Purge{})
		return fmt.Sprint("purge ", c.session)
	case n < 61 && c != nil:
		c.crash()
		return fmt.Sprint("session crashes ", c.session)
	case n < 66 && c != nil:
		c.goOn()
		return fmt.Sprint("session goes on ", c.session)
	case n < 69:
		w.crash()
		return "crash"
	case n < 74:
		w.short = !w.short
		return fmt.Sprint("short ", w.short)
	case n < 76:
		w.pressed = !w.pressed
		return fmt.Sprint("pressed ", w.pressed)
	case n < 82:
		w.mail = append(w.mail, &LetGo{Idle: w.r.IntN(3) == 0})
		return "let go"
	case n < 84:
		w.at = w.at.Add(time.Duration(w.r.IntN(5000)) * time.Millisecond)
		return "time"
	case n < 85 && w.r.IntN(10) == 0:
		w.full = true
		return "disk full"
	case n < 92 && len(w.toJournal) > 0:
		w.write()
		return "write"
	case n < 97 && len(w.read) > 0:
		w.bring()
		return "bring"
	}
	return ""
}

// live has a world do length things, and looks in between, and at the end, whether somebody waits for ever.
func live(t testing.TB, seed uint64, length int) (done []string, err error) {
	w := newWorld(t, seed)
	done = append(done, fmt.Sprintf("durable %v, %d bytes, %+v", w.durable, w.resident, w.set))
	look := func() error {
		if err := w.rest(); err != nil {
			return err
		}
		if err := w.stuck(); err != nil || !w.short {
			return err
		}
		for range 3 { // as every look at memory does
			w.mail = append(w.mail, &LetGo{})
			if err := w.rest(); err != nil {
				return err
			}
		}
		if held := w.q.state.Resident(); held > 0 {
			return fmt.Errorf("memory is short, and %d bytes stay in it", held)
		}
		return w.stuck()
	}
	for range length {
		if what := w.act(); what != "" {
			done = append(done, what)
		}
		for w.r.IntN(3) > 0 && len(w.mail) > 0 {
			w.arrive()
		}
		if w.r.IntN(40) == 0 {
			done = append(done, "rest")
			if err := look(); err != nil {
				return done, err
			}
		}
	}
	done = append(done, "end")
	if err := look(); err != nil {
		return done, err
	}
	// The alarm is over, and nobody says so. Whoever comes gets all of it.
	w.short, w.pressed = false, false
	for _, id := range w.ids() {
		for c := w.clients[id]; id != undertaker && len(c.unacked) > 0; {
			c.settle(0, ready.Acked)
		}
	}
	w.next++
	last := w.join(w.next)
	last.command(&Consume{Consumer: FirstConsumer, NoAck: true})
	for range 3 {
		if err := look(); err != nil {
			return done, err
		}
		for _, id := range w.ids() {
			for c := w.clients[id]; id != undertaker && len(c.unacked) > 0; {
				c.settle(0, ready.Acked)
			}
		}
	}
	if n := w.q.state.Ready() + w.q.state.Unacked() + w.q.state.Dying(); n > 0 || w.q.state.Bytes() != 0 || w.q.state.Resident() != 0 {
		return done, fmt.Errorf("%d messages are left, %d bytes, %d in memory", n, w.q.state.Bytes(), w.q.state.Resident())
	}
	for name, ended := range w.fate {
		if !ended && !w.lossy {
			return done, fmt.Errorf("message %d never came", name)
		}
	}
	return done, nil
}

// Nobody waits for ever (contract A-15, P-42; docs/design/0002): whatever queue, journal and sessions do, in whatever order what is on its
// way arrives, and whoever restarts, alarm or not, a get is answered, a command done, a publisher told, a consumer that has room served, what
// expires seen to and what is dead published, without anything else having to happen first.
func TestNobodyWaitsForEver(t *testing.T) {
	worlds, length := uint64(200), 150
	if testing.Short() {
		worlds = 50
	}
	for seed := range worlds {
		if done, err := live(t, seed, length); err != nil {
			for _, d := range done {
				t.Log(d)
			}
			t.Fatalf("seed %d: %v", seed, err)
		}
	}
}
