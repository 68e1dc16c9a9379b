package supervision

// stepKind is one of the things a plan consists of.
type stepKind int

const (
	stopStep  stepKind = iota // stop these children, all at once, and wait for their end
	startStep                 // start this child and wait for its acknowledgement
	dropStep                  // forget this child: a temporary one in a group that restarts
	readyStep                 // acknowledge the supervisor's own start
	endStep                   // end the supervisor
)

// step of a plan.
type step struct {
	kind   stepKind
	kids   []*child
	reason Reason // of a stop
}

// plan is what a supervisor has to do in order: its first start, the restart of a group, its shutdown. OTP's supervisor
// does these things in one go and is deaf meanwhile; ours remembers what is left and goes on with the next child's word.
type plan struct {
	steps []step
	open  int // children that the step in work waits for
}

func (p *plan) add(s step) { p.steps = append(p.steps, s) }

func (p *plan) idle() bool { return p.open == 0 && len(p.steps) == 0 }

func (p *plan) next() step {
	s := p.steps[0]
	p.steps = p.steps[1:]
	if len(p.steps) == 0 {
		p.steps = nil
	}
	return s
}
