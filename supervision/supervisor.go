package supervision

import (
	"github.com/asynkron/protoactor-go/actor"
)

// phase of a supervisor's life.
type phase int

const (
	booting   phase = iota // its static children start
	serving                // it looks after them
	escalated              // it has failed and waits for its own supervisor to stop it
	closing                // it stops its children, then itself
	collapsed              // it cannot even do that
)

// supervisor is OTP's supervisor behaviour as an actor. Its children report to it through signals that name their
// incarnation; it never waits in a turn.
type supervisor struct {
	sys  *System
	spec *Spec
	self *child
	life *incarnation
	ctx  actor.Context

	phase     phase
	kids      children
	limit     window
	plan      plan
	failures  []*child  // ended while a plan was in work; decided upon after it
	waiting   []request // came while a plan was in work
	deadlines deadlines
}

// request is a message of request.go and who sent it.
type request struct {
	msg    any
	sender *actor.PID
}

// timeUp: a child's start or stop may have taken too long.
type timeUp struct{}

func (timeUp) signal() {}

func newSupervisor(life *incarnation) *supervisor {
	spec := life.child.spec.Supervisor
	s := &supervisor{sys: life.sys, spec: spec, self: life.child, life: life, limit: window{limit: spec.Limit}}
	s.deadlines.fire = func() { life.PostSystemMessage(timeUp{}) }
	return s
}

func (s *supervisor) Receive(ctx actor.Context) {
	s.ctx = ctx
	if s.phase == collapsed {
		s.bereaved(ctx.Message())
		return
	}
	switch m := ctx.Message().(type) {
	case *actor.Started:
		s.boot()
	case childStarted:
		s.started(m.who)
	case childFailed:
		s.failed(m.who, m.err)
	case childStuck:
		s.stuck(m.who, m.err)
	case childExited:
		s.exited(m.who)
	case timeUp:
		s.timeUp()
	case shutdown:
		s.close(s.life.why())
	case *StartChild:
		s.request(request{m, ctx.Sender()})
	case StartChild:
		s.request(request{&m, ctx.Sender()})
	case *TerminateChild:
		s.request(request{m, ctx.Sender()})
	case TerminateChild:
		s.request(request{&m, ctx.Sender()})
	case *RestartChild:
		s.request(request{m, ctx.Sender()})
	case RestartChild:
		s.request(request{&m, ctx.Sender()})
	case *injection:
		s.sys.log.Error().Str("path", s.self.path).Msg("a supervisor refuses an injected crash")
	}
	s.advance()
}

// boot plans the start of the static children and of the dynamic ones that there are by now, and after them our own
// acknowledgement.
func (s *supervisor) boot() {
	for i := range s.spec.Children {
		c := s.adopt(s.spec.Children[i])
		c.static = true
		s.plan.add(step{kind: startStep, kids: []*child{c}})
	}
	if s.spec.Dynamic != nil {
		for _, spec := range s.spec.Dynamic() {
			s.plan.add(step{kind: startStep, kids: []*child{s.adopt(spec)}})
		}
	}
	s.plan.add(step{kind: readyStep})
}

// adopt makes the record of a child.
func (s *supervisor) adopt(spec ChildSpec) *child {
	c := &child{spec: spec, path: s.self.path + "/" + spec.ID, parent: s.self, slot: -1}
	s.sys.nodes.add(c)
	s.kids.add(c)
	return c
}

// advance goes on with the plan as far as it gets, and with what has waited for its end.
func (s *supervisor) advance() {
	for s.plan.open == 0 && s.phase != escalated {
		switch {
		case len(s.plan.steps) > 0:
			s.take(s.plan.next())
		case s.phase != serving:
			return
		case len(s.failures) > 0:
			c := s.failures[0]
			s.failures = s.failures[1:]
			s.decide(c)
		case len(s.waiting) > 0:
			r := s.waiting[0]
			s.waiting = s.waiting[1:]
			s.serve(r)
		default:
			s.failures, s.waiting = nil, nil
			return
		}
	}
}

func (s *supervisor) take(p step) {
	switch p.kind {
	case stopStep:
		for _, c := range p.kids {
			if c.state.alive() {
				s.await(c)
				s.stop(c, p.reason, leave)
			}
		}
	case startStep:
		if c := p.kids[0]; c.state == Stopped {
			s.await(c)
			s.start(c)
		}
	case dropStep:
		s.gone(p.kids[0], Gone)
	case readyStep:
		s.phase = serving
		s.life.report(childStarted{s.life})
	case endStep:
		s.end()
	}
}

// await lets the step in work wait for c.
func (s *supervisor) await(c *child) {
	if !c.planned {
		c.planned = true
		s.plan.open++
	}
}

// settle: what the step in work has waited c for has happened.
func (s *supervisor) settle(c *child) {
	if c.planned {
		c.planned = false
		s.plan.open--
	}
}

// dropPlan forgets what is planned, and that the step in work waits for anybody.
func (s *supervisor) dropPlan() {
	for c := s.kids.first; c != nil; c = c.next {
		c.planned = false
	}
	s.plan = plan{}
	s.failures = nil
}

func (s *supervisor) timeUp() {
	s.deadlines.fired()
	for now := sinceStart(); ; {
		c := s.deadlines.due(now)
		if c == nil {
			return
		}
		if c.state == Starting {
			c.failure = &StartError{c.path, ErrStartTimeout}
			s.set(c, Stopping)
			c.after = retry
		}
		s.abandon(c)
	}
}
