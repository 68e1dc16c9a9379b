package supervision

import (
	"errors"

	"github.com/rs/zerolog"
)

// escalate ends this supervisor abnormally: OTP's supervisor exits with reason shutdown when it has reached its intensity.
// Here it reports its failure and waits to be stopped, because only the supervisor above knows whether this is a restart
// or the end, and the children are told which of the two it is.
func (s *supervisor) escalate(err error) {
	level := zerolog.ErrorLevel
	if refusal := (*Refusal)(nil); s.phase == booting && errors.As(err, &refusal) {
		level = zerolog.DebugLevel // System.Start returns it
	}
	s.phase = escalated
	s.dropPlan()
	s.sys.log.WithLevel(level).Str("path", s.node.path).Stringer("strategy", s.spec.Strategy).Str("reason", err.Error()).
		Msg("supervisor gives up")
	s.life.overseer.hear(childFailed{s.life, err})
}

// close stops the children and then the supervisor itself: OTP's supervisor:terminate/2. Static children, and all of a
// group, stop one by one in reverse order; the dynamic ones of the other strategies have no order and stop all at once,
// as a simple_one_for_one supervisor's do in OTP.
func (s *supervisor) close(r Reason) {
	if s.phase == closing {
		return
	}
	s.phase = closing
	s.dropPlan()
	for _, q := range s.waiting {
		s.deny(q)
	}
	s.waiting = nil
	if r == Normal { // somebody sent us a plain Stop
		r = Shutdown
	}
	var crowd []*child
	for c := s.kids.last; c != nil; c = c.prev {
		if !c.static && !s.spec.Strategy.grouped() {
			crowd = append(crowd, c)
		}
	}
	s.plan.add(step{kind: stopStep, kids: crowd, reason: r})
	for c := s.kids.last; c != nil; c = c.prev {
		if c.static || s.spec.Strategy.grouped() {
			s.plan.add(step{kind: stopStep, kids: []*child{c}, reason: r})
		}
	}
	s.plan.add(step{kind: endStep})
}

// end: no child is left. The Stop that follows is a real one.
func (s *supervisor) end() {
	s.deadlines.disarm()
	for c := s.kids.first; c != nil; c = c.next {
		s.sys.nodes.remove(c.node)
	}
	s.life.finished.Store(true)
	s.life.PostSystemMessage(stopMessage)
}
