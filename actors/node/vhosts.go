package node

import (
	"errors"
	"slices"
	"strings"
	"sync"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/auth"
	"warren/actors/queue"
	"warren/actors/vhost"
	"warren/persistence"
	eventv1 "warren/proto/event/v1"
	"warren/supervision"
)

// VHosts is the register of the vhosts that run or are about to. The node's actor alone writes it, and it survives that actor.
type VHosts struct {
	// Supervisor is the path of the one under which vhosts run.
	Supervisor string
	// Spec is how a vhost runs there.
	Spec func(*vhost.Directory) supervision.ChildSpec
	// PID is of the actor that decides on a vhost's commands.
	PID func(name string) *actor.PID

	directories sync.Map // name -> *vhost.Directory
	followers   queue.Followers
}

// Find returns the directory of a vhost, or nil.
func (r *VHosts) Find(name string) *vhost.Directory {
	if d, ok := r.directories.Load(name); ok && !d.(*vhost.Directory).Gone() {
		return d.(*vhost.Directory)
	}
	return nil
}

// All returns the directories by name.
func (r *VHosts) All() []*vhost.Directory {
	var out []*vhost.Directory
	r.directories.Range(func(_, d any) bool {
		if !d.(*vhost.Directory).Gone() {
			out = append(out, d.(*vhost.Directory))
		}
		return true
	})
	slices.SortFunc(out, func(a, b *vhost.Directory) int { return strings.Compare(a.Name, b.Name) })
	return out
}

// Follow lets an actor know of every new incarnation of the node's ([Up]).
func (r *VHosts) Follow(p *actor.PID) { r.followers.Add(p) }

// Unfollow ends Follow.
func (r *VHosts) Unfollow(p *actor.PID) { r.followers.Remove(p) }

// Specs are the vhosts to start with their supervisor.
func (o Options) Specs() []supervision.ChildSpec {
	o.System.Send(o.PID, &supervised{}) // before the register is read: what comes into it later is asked for
	var out []supervision.ChildSpec
	for _, d := range o.VHosts.All() {
		out = append(out, o.VHosts.Spec(d))
	}
	return out
}

// supervised: the supervisor of vhosts has started. What it was asked before it was there is lost.
type supervised struct{}

// started and stopped come from that supervisor. Those that an incarnation before this one waited for are of no concern: its
// vhosts ended with it.
type (
	started struct {
		incarnation uint64
		name        string
		err         error
	}
	stopped struct {
		incarnation uint64
		name        string
	}
)

func (n *Node) supervised(ctx actor.Context) {
	for name := range n.starting {
		n.start(ctx, name)
	}
	for name := range n.stopping {
		n.stop(ctx, name)
	}
}

// open makes the directory of a vhost that has been added.
func (r *VHosts) open(v *eventv1.VHostPut) {
	r.directories.Store(v.Name, vhost.NewDirectory(v.Name, vhost.Key(v.Name, v.Id), r.PID(v.Name)))
}

// put has vhosts started and stopped, and connections closed, as events say that have happened. before is what was in force.
func (n *Node) put(ctx actor.Context, before *auth.Definitions, events []*eventv1.NodeDefinition) {
	governed := map[string]struct{}{} // once, however many policies an import has: each time every queue is looked at
	for _, def := range events {
		switch e := def.Event.(type) {
		case *eventv1.NodeDefinition_VhostPut:
			if name := e.VhostPut.Name; before.VHosts[name] == nil {
				n.VHosts.open(e.VhostPut)
				n.starting[name] = []func(actor.Context, error){}
				n.start(ctx, name)
			}
		case *eventv1.NodeDefinition_VhostDeleted:
			n.delete(ctx, e.VhostDeleted.Name)
		case *eventv1.NodeDefinition_UserDeleted:
			n.Close(e.UserDeleted.Name, "", "user '"+e.UserDeleted.Name+"' is deleted")
		case *eventv1.NodeDefinition_PolicySet:
			governed[e.PolicySet.Vhost] = struct{}{}
		case *eventv1.NodeDefinition_PolicyCleared:
			governed[e.PolicyCleared.Vhost] = struct{}{}
		}
	}
	for name := range governed {
		n.policiesChanged(ctx, name)
	}
}

func (n *Node) start(ctx actor.Context, name string) {
	d := n.VHosts.Find(name)
	if d == nil {
		return
	}
	self := ctx.Self()
	ctx.Send(n.System.PID(n.VHosts.Supervisor), &supervision.StartChild{Spec: n.VHosts.Spec(d), Done: func(_ *actor.PID, err error) {
		if errors.Is(err, supervision.ErrAlreadyStarted) || errors.Is(err, supervision.ErrTerminated) {
			err = nil // the supervisor found it in the register when it started; or it was added, and deleted before it ran
		}
		if !errors.Is(err, supervision.ErrShuttingDown) { // the supervisor that comes behind it starts it
			n.System.Send(self, &started{n.incarnation, name, err})
		}
	}})
}

// started answers those who wait for a vhost. One that did not start is there all the same, and down (contract P-12).
func (n *Node) started(ctx actor.Context, m *started) {
	if m.incarnation != n.incarnation {
		return
	}
	if d := n.VHosts.Find(m.name); d != nil && m.err != nil {
		d.GiveUp(n.Ledger, func(p *actor.PID, m any) { ctx.Send(p, m) })
	}
	then := n.starting[m.name]
	delete(n.starting, m.name)
	for _, f := range then {
		f(ctx, m.err)
	}
}

// delete closes the connections of a vhost and has it stopped (contract O-13). Its record is on the way to the disk; should the
// broker die before its streams have ended, the next one ends them.
func (n *Node) delete(ctx actor.Context, name string) {
	d := n.VHosts.Find(name)
	if d == nil {
		return
	}
	d.Bury()
	n.Close("", name, "vhost '"+name+"' is deleted")
	n.stopping[name] = []func(actor.Context){}
	n.stop(ctx, name)
}

func (n *Node) stop(ctx actor.Context, name string) {
	self := ctx.Self()
	ctx.Send(n.System.PID(n.VHosts.Supervisor), &supervision.TerminateChild{ID: supervision.Escape(name), Done: func(err error) {
		if !errors.Is(err, supervision.ErrShuttingDown) { // else it may run yet, until the supervisor is gone
			n.System.Send(self, &stopped{n.incarnation, name})
		}
	}})
}

// stopped: nothing of a deleted vhost runs any more.
func (n *Node) stopped(ctx actor.Context, m *stopped) {
	if m.incarnation != n.incarnation {
		return
	}
	if d, ok := n.VHosts.directories.Load(m.name); ok && d.(*vhost.Directory).Gone() {
		n.forget(ctx, d.(*vhost.Directory))
		n.retain(ctx)
	}
	then := n.stopping[m.name]
	delete(n.stopping, m.name)
	for _, f := range then {
		f(ctx)
	}
}

func (n *Node) forget(ctx actor.Context, d *vhost.Directory) {
	n.VHosts.directories.Delete(d.Name)
	d.Forget(n.Streams, n.Ledger, func(p *actor.PID, m any) { ctx.Send(p, m) })
}

// retain has the journal end the streams of all vhosts but those that are there when it gets to it. It asks for all that are gone, not for the one
// that just went: a broker that was killed in between has forgotten which that was.
func (n *Node) retain(ctx actor.Context) {
	ctx.Send(n.Journal.PID, &persistence.Retain{Keep: n.VHosts.kept})
}

// kept says which durable streams belong to vhosts that are there, or are not over yet. Anybody may ask.
func (r *VHosts) kept() func(stream string) bool {
	keys := map[string]bool{}
	r.directories.Range(func(_, d any) bool {
		keys[d.(*vhost.Directory).Key] = true
		return true
	})
	return vhost.Keep(keys)
}

// reconcile makes the register say what the definitions say: at the start of the broker from nothing, after a crash from wherever it
// died. No vhost runs: their supervisor starts behind this actor.
func (n *Node) reconcile(ctx actor.Context) {
	n.VHosts.directories.Range(func(_, value any) bool {
		d := value.(*vhost.Directory)
		if v := n.state.VHosts[d.Name]; d.Gone() || v == nil || vhost.Key(v.Name, v.Id) != d.Key {
			d.Bury()
			n.Close("", d.Name, "vhost '"+d.Name+"' is deleted")
			n.forget(ctx, d)
		}
		return true
	})
	for _, v := range n.state.VHosts {
		if n.VHosts.Find(v.Name) == nil {
			n.VHosts.open(v)
		}
	}
	n.CloseStrangers()
	n.retain(ctx)
}
