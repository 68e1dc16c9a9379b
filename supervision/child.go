package supervision

import (
	"errors"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// after is what a supervisor does once a child that it stops is gone.
type after int

const (
	decide  after = iota // it stopped itself: its restart type and the strategy decide
	replace              // start it again
	retry                // its start failed: count that and try again, or give up
	forget               // it is gone for good
	crash                // it is given up
	leave                // whoever stopped it, the plan or the shutdown, goes on
)

// child is a supervisor's record of one child. It belongs to the supervisor's turn.
type child struct {
	spec   ChildSpec
	node   *node
	static bool // from Spec.Children: its spec outlives it
	known  bool // it has been running: a failing start does not make it forgotten

	life  *incarnation // nil when there is no process
	pid   *actor.PID
	state State
	after after
	// planned: the step in work waits for this child.
	planned bool
	// failure is why it has to be replaced or given up; nil when it stopped itself.
	failure error
	limit   *window // spec.GiveUp's, made with the first crash

	starter *asker  // waits for the start in progress
	enders  []asker // wait for its end

	prev, next *child // start order

	deadline time.Time // of the start or stop in progress
	slot     int       // in the supervisor's deadlines; -1: none
}

func (c *child) set(s State) {
	c.state = s
	c.node.set(func(st *status) { st.state = s })
}

// spare reports whether the failure at hand is an injected crash that nobody is to count.
func (c *child) spare() bool {
	var crash *Crash // also one that kept it from starting
	return errors.As(c.failure, &crash) && crash.uncounted
}

// stuck reports whether the failure at hand is a turn that does not end.
func (c *child) stuck() bool {
	crash, ok := c.failure.(*Crash)
	return ok && crash.stuck
}

// abnormal: a stop of its own is normal, everything else is not.
func (c *child) abnormal() bool { return c.failure != nil }

// why it ended, for logs and escalations.
func (c *child) why() error {
	if c.failure != nil {
		return c.failure
	}
	return &exitError{c.node.path}
}

// children are a supervisor's, in start order and by id.
type children struct {
	byID        map[string]*child
	first, last *child
}

func (cs *children) add(c *child) {
	if cs.byID == nil {
		cs.byID = make(map[string]*child)
	}
	cs.byID[c.spec.ID] = c
	c.prev = cs.last
	if cs.last == nil {
		cs.first = c
	} else {
		cs.last.next = c
	}
	cs.last = c
}

func (cs *children) remove(c *child) {
	if cs.byID[c.spec.ID] != c {
		return
	}
	delete(cs.byID, c.spec.ID)
	if c.prev == nil {
		cs.first = c.next
	} else {
		c.prev.next = c.next
	}
	if c.next == nil {
		cs.last = c.prev
	} else {
		c.next.prev = c.prev
	}
	c.prev, c.next = nil, nil
}

// anySignificant reports whether a significant child that could still end is left.
func (cs *children) anySignificant() bool {
	for c := cs.first; c != nil; c = c.next {
		if c.spec.Significant && c.state.alive() {
			return true
		}
	}
	return false
}
