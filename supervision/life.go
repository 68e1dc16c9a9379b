package supervision

import (
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// This file is the life of one child as its supervisor sees it: start, started, failed, decide, stop, exited, gone.

// actor makes the actor of an incarnation when it is spawned.
func (i *incarnation) actor() actor.Actor {
	if i.supervisor {
		s := newSupervisor(i)
		i.own = s
		return s
	}
	return (*guard)(i)
}

// start spawns the next incarnation of c. The same name gives the same PID: PIDs that others keep see the dead flag of
// the process they have cached, look the name up again and reach the new one, as with a registered name in Erlang.
func (s *supervisor) start(c *child) {
	life, now := s.sys.newIncarnation(c, s.life), time.Now()
	c.failure = nil
	c.after = decide
	s.sys.nodes.set(c, func(st *status) { st.state, st.life, st.since = Starting, life, now.UnixNano() })
	if d := c.spec.startTimeout(); d >= 0 {
		s.deadlines.set(c, sinceStart()+d)
	}
	if err := s.sys.spawner.spawn(c); err != nil { // an actor of somebody else's has that name
		s.deadlines.clear(c)
		c.failure = &StartError{c.path, err}
		s.set(c, Stopping)
		c.after = retry
		s.life.hear(childExited{c.life})
	}
}

// started: the Started turn of a worker, or the start of a supervisor's static children, is done.
func (s *supervisor) started(who *incarnation) {
	c := who.child
	if c.life != who || c.state != Starting {
		return
	}
	s.deadlines.clear(c)
	s.set(c, Running)
	c.known = true
	if c.starter != nil {
		c.starter.childStarted(s.ctx, c.spec.ID, c.life.context().Self())
		c.starter = nil
	}
	s.settle(c)
}

// failed: c's turn panicked, or c is a supervisor that gives up. It does nothing any more until it is stopped.
func (s *supervisor) failed(who *incarnation, err error) {
	c := who.child
	if c.life != who || !c.state.alive() {
		return
	}
	s.sys.nodes.set(c, func(st *status) { st.last = err })
	switch {
	case c.state == Starting:
		c.failure = &StartError{c.path, err}
		s.stop(c, s.startFailureReason(c), retry)
	case c.state == Running:
		c.failure = err
		s.set(c, Failed)
		s.ended(c)
	}
	// Otherwise it is being stopped already, and why does not matter any more.
}

// startFailureReason: a start that somebody asked for, or that fails a whole supervisor, is not tried again.
func (s *supervisor) startFailureReason(c *child) Reason {
	switch {
	case s.phase == closing:
		return s.life.why()
	case c.starter != nil || s.phase == booting:
		return Gone
	}
	return Restarting
}

// exited: c's process is gone.
func (s *supervisor) exited(who *incarnation) {
	c := who.child
	if c.life != who || !c.state.alive() {
		return
	}
	s.deadlines.clear(c)
	s.set(c, Stopped)
	if s.phase == closing || s.phase == escalated {
		s.endedLate(c)
		return
	}
	switch c.after {
	case decide:
		s.ended(c)
		return // a plan that waits for c has to wait for what becomes of it
	case replace:
		s.start(c)
		return
	case retry:
		s.retry(c)
		return
	case forget:
		s.gone(c, Gone)
	case crash:
		s.crashed(c)
	case leave:
	}
	s.settle(c)
}

// endedLate: c ended while we shut down.
func (s *supervisor) endedLate(c *child) {
	s.refuse(c, ErrShuttingDown)
	if c.after == forget {
		s.gone(c, Gone)
	}
	s.settle(c)
}

// ended: c has failed or stopped itself. Like OTP we finish what we are at before we look at it.
func (s *supervisor) ended(c *child) {
	switch {
	case s.phase == escalated || s.phase == closing:
		return
	case c.planned: // it was to be started, has acknowledged nothing, and stopped itself
		c.failure = &StartError{c.path, ErrExited}
		s.retry(c)
	case !s.plan.idle() || s.phase == booting:
		s.failures = append(s.failures, c)
	default:
		s.decide(c)
	}
}

// decide what becomes of a child that has failed (it is still there, suspended) or that has stopped itself (it is gone).
// OTP's restart_child/3.
func (s *supervisor) decide(c *child) {
	if c.state != Failed && c.state != Stopped || c.state == Stopped && c.after != decide {
		return // a plan has stopped and started it since
	}
	if c.spec.Restart == Temporary || c.spec.Restart == Transient && !c.abnormal() {
		if c.state == Failed {
			s.stop(c, Gone, forget)
		} else {
			s.gone(c, Normal)
		}
		return
	}
	switch s.count(c) {
	case tooManyForChild:
		if c.state == Failed {
			s.stop(c, GivenUp, crash)
		} else {
			s.crashed(c)
		}
	case tooManyForUs:
		s.escalate(&Escalation{s.self.path, s.spec.Strategy, s.spec.Limit, c.why()})
	case allowed:
		s.restart(c)
	}
}

// stop c for a reason.
func (s *supervisor) stop(c *child, r Reason, then after) {
	if c.after != forget { // somebody waits for that end
		c.after = then
	}
	if c.state == Stopping || c.state == Replacing {
		if r != Restarting {
			c.life.reason.Store(int32(r)) // it may still be in time; if not, OnExit tells
			s.set(c, Stopping)
		}
		return
	}
	if r == Restarting {
		s.set(c, Replacing)
	} else {
		s.set(c, Stopping)
	}
	d := c.spec.shutdown()
	if d == Brutal || c.stuck() { // there is nobody to hear a Stop
		s.deadlines.clear(c)
		s.abandon(c)
		return
	}
	if d == Infinity {
		s.deadlines.clear(c)
	} else {
		s.deadlines.set(c, sinceStart()+d)
	}
	c.life.stopFor(r)
}

// abandon kills c, and what is below it, without waiting. Its end is heard like any other.
func (s *supervisor) abandon(c *child) {
	if d := c.spec.shutdown(); d != Brutal {
		s.sys.abandoned(c)
	}
	if c.life.supervisor {
		s.sys.killBelow(c.path)
	}
	c.life.kill()
	s.life.hear(childExited{c.life})
}

// gone: c will not come back by itself.
func (s *supervisor) gone(c *child, r Reason) {
	if c.abnormal() && r == Normal {
		r = Gone
	}
	if !c.static {
		s.kids.remove(c)
		s.sys.nodes.remove(c)
	}
	c.after = leave
	s.set(c, Stopped)
	if c.spec.OnExit != nil {
		s.call(c, func() { c.spec.OnExit(r) })
	}
	s.refuse(c, ErrTerminated)
	for a := c.enders; a != nil; a = a.next {
		a.childStopped(s.ctx, c.spec.ID)
	}
	c.enders = nil
	if c.spec.Significant && s.phase == serving &&
		(s.spec.AutoShutdown == AnySignificant || s.spec.AutoShutdown == AllSignificant && !s.kids.anySignificant()) {
		s.close(Shutdown)
	}
}

// refuse whoever waits for c to start.
func (s *supervisor) refuse(c *child, err error) {
	if c.starter == nil {
		return
	}
	if c.failure != nil {
		err = c.failure
	}
	c.starter.childFailed(s.ctx, c.spec.ID, err)
	c.starter = nil
}

// call runs a callback of a child spec. A panic in it is not ours.
func (s *supervisor) call(c *child, f func()) {
	defer func() {
		if reason := recover(); reason != nil {
			s.sys.log.Error().Str("path", c.path).Interface("reason", reason).Str("stack", panicStack()).
				Msg("panic in a supervisor's callback")
		}
	}()
	f()
}
