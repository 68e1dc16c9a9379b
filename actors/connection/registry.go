package connection

import (
	"crypto/tls"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"warren/actors/channel"
	"warren/actors/vhost"
	"warren/protocol"
	"warren/protocol/proxyprotocol"
)

// Info is what list_connections shows of a connection. It survives the connection's actor.
type Info struct {
	ID          uint64
	Name        string // peer -> local
	Path        string // of its actors
	Peer, Local string
	ConnectedAt time.Time
	TLS         *tls.ConnectionState // nil without
	Proxied     *proxyprotocol.TLS   // between the client and its proxy

	params atomic.Pointer[Params]
	forced atomic.Pointer[protocol.Error] // why an operator closes it
	flow   Flow
	socket *Transport
	memory Memory

	// Written before the connection is seen to run, and never again.
	directory *vhost.Directory

	// Of the registry's counts, which guard them.
	seat    seat
	counted int64 // channels
	// The alarm of memory in whose reserve it has a place, 0 for none.
	reserved uint64

	mu       sync.Mutex
	channels map[uint64]*channel.Info // by session
}

// Params are what the connection has become.
func (i *Info) Params() *Params { return i.params.Load() }

// State is contract A-20's: the phase, and while it runs whether it is read. One that would be blocked if it published is blocking.
// Of one that is in flow or blocked, by is what it waits for and lasts for how long it has.
func (i *Info) State() (state, by string, lasts time.Duration) {
	p := i.Params()
	if p.Phase != Running {
		return p.Phase.String(), "", 0
	}
	switch flow, by, lasts := i.flow.view(time.Now()); {
	case flow == blocked:
		return "blocked", "alarm: " + i.memory.Reason(), lasts
	case flow == inFlow && by == byQueues:
		return "flow", i.slowest(), lasts
	case flow == inFlow:
		return "flow", by, lasts
	}
	if i.memory.Raised() {
		return "blocking", "", 0
	}
	return p.Phase.String(), "", 0
}

// slowest names a queue that a connection in flow waits for, when one of its channels knows.
func (i *Info) slowest() string {
	for _, c := range i.Channels() {
		if q := c.Slowest.Load(); q != nil {
			return "queue '" + string(q.Name) + "' in vhost '" + q.VHost + "'"
		}
	}
	return byQueues
}

// Received and Sent count bytes.
func (i *Info) Received() int64 { return i.socket.received.Load() }
func (i *Info) Sent() int64     { return i.socket.sent.Load() }

// Channels are the open ones, by number.
func (i *Info) Channels() []*channel.Info {
	i.mu.Lock()
	defer i.mu.Unlock()
	out := make([]*channel.Info, 0, len(i.channels))
	for _, c := range i.channels {
		out = append(out, c)
	}
	slices.SortFunc(out, func(a, b *channel.Info) int { return int(a.Number) - int(b.Number) })
	return out
}

func (i *Info) addChannel(c *channel.Info) {
	i.mu.Lock()
	if i.channels == nil {
		i.channels = map[uint64]*channel.Info{}
	}
	i.channels[c.Session] = c
	i.mu.Unlock()
}

func (i *Info) removeChannel(session uint64) {
	i.mu.Lock()
	delete(i.channels, session)
	i.mu.Unlock()
}

func (i *Info) channelCount() int {
	i.mu.Lock()
	defer i.mu.Unlock()
	return len(i.channels)
}

// Registry holds the connections of a node.
type Registry struct {
	ids         atomic.Uint64
	connections sync.Map // uint64 -> *Info
	counts      counts
}

// NewID returns an id that no connection of this boot had.
func (r *Registry) NewID() uint64 { return r.ids.Add(1) }

func (r *Registry) add(i *Info) { r.connections.Store(i.ID, i) }

// remove may come more than once: a connection whose handshake took too long may be admitted behind that, and has its end yet to come.
func (r *Registry) remove(i *Info) {
	r.connections.Delete(i.ID)
	r.counts.leave(i)
}

// Alive says whether there is such a connection.
func (r *Registry) Alive(id uint64) bool {
	_, alive := r.connections.Load(id)
	return alive
}

// Rest has those which nothing came from since the last call give back the memory they read with.
func (r *Registry) Rest() {
	r.connections.Range(func(_, i any) bool { i.(*Info).socket.rest(); return true })
}

// All returns the connections, oldest first.
func (r *Registry) All() []*Info {
	var out []*Info
	r.connections.Range(func(_, i any) bool { out = append(out, i.(*Info)); return true })
	slices.SortFunc(out, func(a, b *Info) int { return int(int64(a.ID) - int64(b.ID)) })
	return out
}
