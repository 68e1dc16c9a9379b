package supervision

import (
	"errors"

	"warren/internal/index"
)

// after is what a supervisor does once a child that it stops is gone.
type after uint8

const (
	decide  after = iota // it stopped itself: its restart type and the strategy decide
	replace              // start it again
	retry                // its start failed: count that and try again, or give up
	forget               // it is gone for good
	crash                // it is given up
	leave                // whoever stopped it, the plan or the shutdown, goes on
)

// child is a supervisor's record of one child. It belongs to the supervisor's turn, but for what others may read of it (see nodes): an actor is little
// more than that, and there are many.
type child struct {
	spec   ChildSpec // never changes, as the next two
	path   string
	parent *child // nil for the top
	order  uint64 // siblings in the order they were first started

	// failure is why it has to be replaced or given up; nil when it stopped itself.
	failure error
	limit   *window // spec.GiveUp's, made with the first crash
	starter *asker  // waits for the start in progress
	enders  *asker  // wait for its end

	prev, next *child // start order

	status
	after after
	// planned: the step in work waits for this child.
	planned bool
	static  bool // from Spec.Children: its spec outlives it
	known   bool // it has been running: a failing start does not make it forgotten

	slot int32 // in the supervisor's deadlines; -1: none
}

func (s *supervisor) set(c *child, to State) {
	s.sys.nodes.set(c, func(st *status) { st.state = to })
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
	return &exitError{c.path}
}

// children are a supervisor's, in start order and by id.
type children struct {
	byID        *index.Index[child] // nil while they are few
	n           int
	first, last *child
}

// fewChildren are found by looking at each: a connection has its actor and few channels, and there are many connections.
const fewChildren = 8

func (cs *children) find(id string) *child {
	if cs.byID != nil {
		return cs.byID.Get(id)
	}
	for c := cs.first; c != nil; c = c.next {
		if c.spec.ID == id {
			return c
		}
	}
	return nil
}

func (cs *children) add(c *child) {
	if cs.n++; cs.n > fewChildren && cs.byID == nil {
		cs.byID = index.New(func(c *child) string { return c.spec.ID })
		for o := cs.first; o != nil; o = o.next {
			cs.byID.Put(o)
		}
	}
	if cs.byID != nil {
		cs.byID.Put(c)
	}
	c.prev = cs.last
	if cs.last == nil {
		cs.first = c
	} else {
		cs.last.next = c
	}
	cs.last = c
}

func (cs *children) remove(c *child) {
	if cs.find(c.spec.ID) != c {
		return
	}
	if cs.n--; cs.n == 0 {
		cs.byID = nil
	}
	if cs.byID != nil {
		cs.byID.Delete(c.spec.ID)
	}
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
