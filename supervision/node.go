package supervision

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"time"

	"warren/internal/index"
)

// State is where a child stands.
type State uint8

const (
	Stopped  State = iota // no process: not yet started, ended or terminated
	Starting              // spawned; its Started turn, or a supervisor's children, are not done
	Running
	Failed    // a turn panicked, or a supervisor gave up; waits for the decision of the supervisor above
	Replacing // stopping, to be started again
	Stopping  // stopping for good
	Crashed   // no process: given up, see ChildSpec.GiveUp
)

var stateNames = [...]string{"stopped", "starting", "running", "failed", "restarting", "stopping", "crashed"}

func (s State) String() string { return name(stateNames[:], int(s)) }

// alive: there is a process of that child.
func (s State) alive() bool { return s != Stopped && s != Crashed }

// Node is a line of `warrenctl actors tree`.
type Node struct {
	Path             string
	Kind             string
	Strategy         string // of a supervisor; empty for a worker
	Restart          Restart
	State            State
	Incarnation      uint64
	Restarts         int       // without the injected ones; counted anew when the supervisor above was replaced
	InjectedRestarts int       // after System.Crash
	MailboxLength    int       // user messages waiting or in work; an upper bound
	Since            time.Time // when this incarnation was spawned
	LastReason       string    // why it was last replaced or given up
	LastStack        string    // of the panic at the root of that
}

// status is what the supervisor above says of a child, for others to read under the lock of nodes. The supervisor is the only one that writes it,
// and reads it as it is.
type status struct {
	life             *incarnation // the newest
	last             error        // *Crash, *Escalation, *StartError ...
	since            int64        // nanoseconds since the Unix epoch, when it was spawned
	restarts         int32
	injectedRestarts int32
	state            State
}

// snapshot is called under the lock.
func (c *child) snapshot() Node {
	out := Node{
		Path: c.path, Kind: c.spec.kind(), Restart: c.spec.Restart, State: c.state,
		Restarts: int(c.restarts), InjectedRestarts: int(c.injectedRestarts),
	}
	if c.spec.Supervisor != nil {
		out.Strategy = c.spec.Supervisor.Strategy.String()
	}
	if c.since != 0 {
		out.Since = time.Unix(0, c.since)
	}
	if c.life != nil {
		out.Incarnation = c.life.number
		out.MailboxLength = c.life.UserMessageCount()
	}
	if c.last != nil {
		out.LastReason, out.LastStack = c.last.Error(), stackOf(c.last)
	}
	return out
}

// nodes are all living and known children by path: what others may know of them is their path, their spec, their place and their status. Its lock
// is held for one change, or one walk for a snapshot.
type nodes struct {
	mu     sync.RWMutex
	byPath *index.Index[child]
	order  uint64
}

func newNodes() nodes { return nodes{byPath: index.New(func(c *child) string { return c.path })} }

func (ns *nodes) add(c *child) {
	ns.mu.Lock()
	ns.order++
	c.order = ns.order
	ns.byPath.Put(c)
	ns.mu.Unlock()
}

// remove forgets c, but not a successor of the same path.
func (ns *nodes) remove(c *child) {
	ns.mu.Lock()
	if ns.byPath.Get(c.path) == c {
		ns.byPath.Delete(c.path)
	}
	ns.mu.Unlock()
}

// set changes the status of a child. Only the supervisor above does.
func (ns *nodes) set(c *child, change func(*status)) {
	ns.mu.Lock()
	change(&c.status)
	ns.mu.Unlock()
}

// status of a child, for others than the supervisor above.
func (ns *nodes) status(c *child) status {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	return c.status
}

func (ns *nodes) find(path string) *child { return ns.byPath.Get(path) }

// pick returns those that match, in no order.
func (ns *nodes) pick(match func(*child) bool) []*child {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	var out []*child
	for c := range ns.byPath.All() {
		if match(c) {
			out = append(out, c)
		}
	}
	return out
}

// below are the children under path, in no order.
func (ns *nodes) below(path string) []*child {
	return ns.pick(func(c *child) bool {
		return strings.HasPrefix(c.path, path) && len(c.path) > len(path) && c.path[len(path)] == '/'
	})
}

// tree lists every child behind its parent, siblings in the order of their start.
func (ns *nodes) tree() []Node {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	total := ns.byPath.Len()
	children := make(map[*child][]*child)
	for c := range ns.byPath.All() {
		children[c.parent] = append(children[c.parent], c)
	}
	out := make([]Node, 0, total)
	var walk func(*child)
	walk = func(parent *child) {
		kids := children[parent]
		slices.SortFunc(kids, func(a, b *child) int { return cmp.Compare(a.order, b.order) })
		for _, c := range kids {
			out = append(out, c.snapshot())
			walk(c)
		}
	}
	walk(nil)
	return out
}
