package supervision

import "time"

// loanRelief is how long a goroutine may be lent and not come back before its owner is told to do without it.
const loanRelief = 50 * time.Millisecond

// Loan is a goroutine that is lent to the actors it sends to: what it brings goes all its way on it, where to wake a worker costs more than
// the way. Its owner does not depend on the actors for it: a turn that does not end keeps the goroutine, and another one goes on.
type Loan struct {
	// GoOn is called in another goroutine when this one does not come back in time, and has to make a loan of its own. Set it before the
	// first Lend.
	GoOn func()

	goroutine uint64

	// Guarded by the dispatcher's lock.
	out  bool // it runs actors
	late bool // and did so when somebody last looked
	lost bool
}

// Lend runs f, which sends, and, when nobody else is busy, the actors that this makes ready, as long as there are few. false says that GoOn
// was called meanwhile: the goroutine is to end.
func (s *System) Lend(l *Loan, f func()) bool { return s.dispatcher.lend(l, f) }

func (d *dispatcher) lend(l *Loan, f func()) (mine bool) {
	d.mu.Lock()
	if d.closed || d.busy-d.stuck-d.waiting > 0 || d.busy-d.stuck >= d.share || d.head < len(d.line) {
		d.mu.Unlock()
		f()
		return true
	}
	j := job{}
	d.chain = 0
	d.busy++
	d.begin(&j)
	l.out, l.late, l.lost = false, false, false
	d.loans = append(d.loans, l)
	if !d.recalls {
		d.recalls = true
		time.AfterFunc(loanRelief, d.recall)
	}
	d.mu.Unlock()
	if l.goroutine == 0 {
		l.goroutine = goroutineID()
	}

	ended := true // by runtime.Goexit, in a turn
	defer func() {
		if ended {
			d.mu.Lock()
			d.finish(j)
			mine = d.giveBack(l)
			d.spread()
			d.mu.Unlock()
			if mine {
				go l.GoOn()
			}
		}
	}()
	f()
	for again := false; ; {
		d.mu.Lock()
		d.finish(j)
		l.out = true
		if again {
			d.wait(j)
		}
		next, ok := d.next()
		for ok && next.blocks() {
			d.start(d.employ(), next)
			next, ok = d.next()
		}
		switch {
		case !ok:
		case d.chain <= dispatcherChain:
			d.spread()
			d.mu.Unlock()
			j = next
			again = j.mailbox.consume(l.goroutine)
			continue
		default: // there is much to do: from here on it is the workers'
			d.start(d.employ(), next)
		}
		mine, ended = d.giveBack(l), false
		d.spread()
		d.mu.Unlock()
		return mine
	}
}

// giveBack ends a loan, and says whether its owner has waited for it. d.mu is held.
func (d *dispatcher) giveBack(l *Loan) (waited bool) {
	d.busy--
	for i := range d.loans {
		if d.loans[i] == l {
			d.loans[i] = d.loans[len(d.loans)-1]
			d.loans[len(d.loans)-1] = nil
			d.loans = d.loans[:len(d.loans)-1]
			break
		}
	}
	return !l.lost
}

// recall looks which loans are out for too long.
func (d *dispatcher) recall() {
	d.mu.Lock()
	defer d.mu.Unlock()
	for _, l := range d.loans {
		if l.late && !l.lost {
			l.lost = true
			go l.GoOn()
		}
		l.late = l.out
	}
	if d.recalls = len(d.loans) > 0; d.recalls {
		time.AfterFunc(loanRelief, d.recall)
	}
}
