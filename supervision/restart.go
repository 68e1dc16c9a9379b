package supervision

import "time"

// verdict on one more restart.
type verdict int

const (
	allowed verdict = iota
	tooManyForChild
	tooManyForUs
)

// count holds a restart of c against its own limit, if it has one, or else against ours. A crash that was injected
// without being counted is held against nobody.
func (s *supervisor) count(c *child) verdict {
	switch {
	case c.spare():
		return allowed
	case c.spec.GiveUp != nil:
		if c.limit == nil {
			c.limit = &window{limit: *c.spec.GiveUp}
		}
		if !c.limit.allow(time.Now()) {
			return tooManyForChild
		}
	case !s.limit.allow(time.Now()):
		return tooManyForUs
	}
	return allowed
}

// restart c, and with it whom the strategy says. c is suspended or gone.
func (s *supervisor) restart(c *child) {
	injected := false
	if crash, ok := c.failure.(*Crash); ok {
		injected = crash.Injected
	}
	s.sys.nodes.set(c, func(st *status) {
		st.last = c.why()
		if injected {
			st.injectedRestarts++
		} else {
			st.restarts++
		}
	})
	if !s.spec.Strategy.grouped() {
		if c.state == Failed {
			s.stop(c, Restarting, replace)
		} else {
			s.start(c)
		}
		return
	}
	s.restartGroup(c)
}

// restartGroup stops c, then the others of its group in reverse order, and starts the group in order. As in OTP that
// includes children that had ended or been terminated, and leaves out the temporary ones. Those that were given up
// stay so.
func (s *supervisor) restartGroup(c *child) {
	first := c
	if s.spec.Strategy == OneForAll {
		first = s.kids.first
	}
	s.planStop(c)
	for k := s.kids.last; k != nil; k = k.prev {
		if k != c {
			s.planStop(k)
		}
		if k == first {
			break
		}
	}
	for k := first; k != nil; k = k.next {
		if k.spec.Restart == Temporary {
			s.plan.add(step{kind: dropStep, kids: []*child{k}})
		} else {
			s.plan.add(step{kind: startStep, kids: []*child{k}})
		}
	}
}

func (s *supervisor) planStop(c *child) {
	reason := Restarting
	if c.spec.Restart == Temporary {
		reason = Gone
	}
	s.plan.add(step{kind: stopStep, kids: []*child{c}, reason: reason})
}

// retry: c's start has failed, and c is gone.
func (s *supervisor) retry(c *child) {
	cause := c.why()
	switch {
	case c.starter != nil: // asked for: report it, and do not try again
		if c.known {
			s.set(c, Crashed)
		} else {
			s.kids.remove(c)
			s.sys.nodes.remove(c)
		}
		s.refuse(c, cause)
		s.settle(c)
	case s.phase == booting:
		s.escalate(cause)
	default: // during a restart: it counts as one more
		s.sys.nodes.set(c, func(st *status) { st.restarts++ })
		switch s.count(c) {
		case tooManyForChild:
			s.crashed(c)
			s.settle(c)
		case tooManyForUs:
			s.escalate(&Escalation{s.self.path, s.spec.Strategy, s.spec.Limit, cause})
		case allowed:
			s.start(c) // a plan keeps waiting for it
		}
	}
}

// crashed: c is given up. It stays known, without a process.
func (s *supervisor) crashed(c *child) {
	reason := c.why()
	s.sys.nodes.set(c, func(st *status) { st.last = reason })
	s.set(c, Crashed)
	s.sys.log.Error().Str("path", c.path).Str("kind", c.spec.kind()).Stringer("limit", c.spec.GiveUp).
		Str("reason", reason.Error()).Msg("actor given up")
	if c.spec.OnGiveUp != nil {
		s.call(c, func() { c.spec.OnGiveUp(reason) })
	}
}
