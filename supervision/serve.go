package supervision

import "fmt"

// request is served when nothing else is in work: OTP's supervisor handles its calls one after the other.
func (s *supervisor) request(r request) {
	switch {
	case s.phase == escalated || s.phase == closing:
		s.deny(r)
	case s.phase == booting || !s.plan.idle() || len(s.waiting) > 0:
		s.waiting = append(s.waiting, r)
	default:
		s.serve(r)
	}
}

func (s *supervisor) serve(r request) {
	switch m := r.msg.(type) {
	case *StartChild:
		s.startChild(m.Spec, asker{sender: r.sender, started: m.Done})
	case *TerminateChild:
		s.terminateChild(m.ID, asker{sender: r.sender, stopped: m.Done})
	case *RestartChild:
		s.restartChild(m.ID, asker{sender: r.sender, started: m.Done})
	}
}

func (s *supervisor) deny(r request) {
	switch m := r.msg.(type) {
	case *StartChild:
		(&asker{sender: r.sender, started: m.Done}).childFailed(s.ctx, m.Spec.ID, ErrShuttingDown)
	case *TerminateChild:
		(&asker{sender: r.sender, stopped: m.Done}).childFailed(s.ctx, m.ID, ErrShuttingDown)
	case *RestartChild:
		(&asker{sender: r.sender, started: m.Done}).childFailed(s.ctx, m.ID, ErrShuttingDown)
	}
}

func (s *supervisor) startChild(spec ChildSpec, a asker) {
	if err := spec.validate(); err != nil {
		a.childFailed(s.ctx, spec.ID, err)
		return
	}
	if c := s.kids.find(spec.ID); c != nil {
		err := ErrAlreadyStarted
		if !c.state.alive() {
			err = ErrAlreadyPresent
		}
		a.childFailed(s.ctx, spec.ID, fmt.Errorf("%w: %s is %v", err, c.path, c.state))
		return
	}
	s.begin(s.adopt(spec), a)
}

// terminateChild answers when c is gone. A child in the middle of a start or a restart is stopped after it.
func (s *supervisor) terminateChild(id string, a asker) {
	c := s.kids.find(id)
	if c == nil {
		a.childFailed(s.ctx, id, fmt.Errorf("%w: %s/%s", ErrNotFound, s.self.path, id))
		return
	}
	a.next, c.enders = c.enders, &a
	if c.state.alive() {
		s.stop(c, Gone, forget)
	} else {
		s.gone(c, Gone)
	}
}

func (s *supervisor) restartChild(id string, a asker) {
	c := s.kids.find(id)
	switch {
	case c == nil:
		a.childFailed(s.ctx, id, fmt.Errorf("%w: %s/%s", ErrNotFound, s.self.path, id))
	case c.state.alive():
		a.childFailed(s.ctx, id, fmt.Errorf("%w: %s is %v", ErrAlreadyStarted, c.path, c.state))
	default:
		c.limit = nil
		s.set(c, Stopped)
		s.begin(c, a)
	}
}

// begin a start that somebody asked for. Where order matters it is a plan of one step: nothing else happens meanwhile.
// Otherwise starts overlap, and a queue that recovers for seconds keeps nobody waiting.
func (s *supervisor) begin(c *child, a asker) {
	c.starter = &a
	if s.spec.Strategy.grouped() {
		s.await(c)
	}
	s.start(c)
}
