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
	s.sys.log.WithLevel(level).Str("path", s.self.path).Stringer("strategy", s.spec.Strategy).Str("reason", err.Error()).
		Msg("supervisor gives up")
	s.life.report(childFailed{s.life, err})
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
		s.sys.nodes.remove(c)
	}
	s.life.finished.Store(true)
	s.life.PostSystemMessage(stopMessage)
}

// collapse: we have panicked while we were to shut down, and do not know any more what we know. Our children end all at once, as in OTP those do
// whose supervisor dies, and we behind the last of them: a successor needs their names.
func (s *supervisor) collapse() {
	s.phase = collapsed
	r := s.life.why()
	if r == Normal {
		r = Shutdown
	}
	for _, life := range s.orphans() {
		life.stopFor(r)
	}
	s.bereaved(nil)
}

// bereaved looks, with each word of a child, whether it was the last.
func (s *supervisor) bereaved(word any) {
	if m, ok := word.(childStuck); ok {
		m.who.kill()
	}
	if len(s.orphans()) > 0 || s.life.finished.Load() {
		return
	}
	for _, c := range s.sys.nodes.below(s.self.path) {
		s.sys.nodes.remove(c)
	}
	s.life.finished.Store(true)
	s.life.PostSystemMessage(stopMessage)
}

// orphans are the children of a supervisor that has collapsed and that are still there, whatever it knows of them itself.
func (s *supervisor) orphans() (lives []*incarnation) {
	for _, c := range s.sys.nodes.pick(func(c *child) bool { return c.parent == s.self }) {
		if life := s.sys.nodes.status(c).life; life != nil && life.open.Load() && !life.buried.Load() && !life.killed.Load() {
			lives = append(lives, life)
		}
	}
	return lives
}
