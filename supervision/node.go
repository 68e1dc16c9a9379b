package supervision

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"time"
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

// node is the part of a child that others may read.
type node struct {
	path       string
	kind       string
	parent     *node                  // nil for the top
	order      uint64                 // siblings in the order they were first started
	status     atomic.Pointer[status] // an immutable value, written by the supervisor above
	restart    Restart
	supervisor bool
	strategy   Strategy // of a supervisor
}

type status struct {
	life             *incarnation
	last             error // *Crash, *Escalation, *StartError ...
	since            int64 // nanoseconds since the Unix epoch, when it was spawned
	restarts         int32
	injectedRestarts int32
	state            State
}

func (n *node) set(change func(*status)) {
	s := *n.status.Load()
	change(&s)
	n.status.Store(&s)
}

func (n *node) snapshot() Node {
	s := n.status.Load()
	out := Node{
		Path: n.path, Kind: n.kind, Restart: n.restart, State: s.state,
		Restarts: int(s.restarts), InjectedRestarts: int(s.injectedRestarts),
	}
	if n.supervisor {
		out.Strategy = n.strategy.String()
	}
	if s.since != 0 {
		out.Since = time.Unix(0, s.since)
	}
	if s.life != nil {
		out.Incarnation = s.life.number
		out.MailboxLength = s.life.UserMessageCount()
	}
	if s.last != nil {
		out.LastReason, out.LastStack = s.last.Error(), stackOf(s.last)
	}
	return out
}

// nodes are all living and known children by path. Its lock is held for one map access, or one walk for a snapshot.
type nodes struct {
	mu     sync.RWMutex
	byPath map[string]*node
	order  atomic.Uint64
}

func (ns *nodes) add(parent *node, path string, spec *ChildSpec) *node {
	n := &node{path: path, kind: spec.kind(), parent: parent, restart: spec.Restart, order: ns.order.Add(1)}
	if spec.Supervisor != nil {
		n.supervisor, n.strategy = true, spec.Supervisor.Strategy
	}
	n.status.Store(&status{})
	ns.mu.Lock()
	ns.byPath[path] = n
	ns.mu.Unlock()
	return n
}

// remove forgets n, but not a successor of the same path.
func (ns *nodes) remove(n *node) {
	ns.mu.Lock()
	if ns.byPath[n.path] == n {
		delete(ns.byPath, n.path)
	}
	ns.mu.Unlock()
}

func (ns *nodes) find(path string) *node {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	return ns.byPath[path]
}

// below are the nodes under path, in no order.
func (ns *nodes) below(path string) []*node {
	ns.mu.RLock()
	defer ns.mu.RUnlock()
	var out []*node
	for p, n := range ns.byPath {
		if strings.HasPrefix(p, path) && len(p) > len(path) && p[len(path)] == '/' {
			out = append(out, n)
		}
	}
	return out
}

// tree lists every node behind its parent, siblings in the order of their start.
func (ns *nodes) tree() []Node {
	ns.mu.RLock()
	total := len(ns.byPath)
	children := make(map[*node][]*node)
	for _, n := range ns.byPath {
		children[n.parent] = append(children[n.parent], n)
	}
	ns.mu.RUnlock()
	out := make([]Node, 0, total)
	var walk func(*node)
	walk = func(parent *node) {
		kids := children[parent]
		slices.SortFunc(kids, func(a, b *node) int { return cmp.Compare(a.order, b.order) })
		for _, n := range kids {
			out = append(out, n.snapshot())
			walk(n)
		}
	}
	walk(nil)
	return out
}
