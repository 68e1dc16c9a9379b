package connection

import (
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/channel"
	"warren/actors/rate"
	"warren/protocol/amqp091"
	"warren/supervision"
)

// Listener is a listening socket. It outlives the actor that accepts on it: only the end of the broker closes it.
type Listener struct {
	*Node
	path      string // of its supervisor
	socket    *Socket
	accepting atomic.Bool
}

// NewListener returns a listener on a socket, to run below the supervisor parent.
func NewListener(n *Node, socket *Socket, parent string) *Listener {
	return &Listener{Node: n, socket: socket, path: parent + "/" + supervision.Escape(socket.Addr().String())}
}

// Spec is a listener with its connections: those are there first and go last. A connection is never started again. When the
// acceptor crashes, it goes on accepting on the same socket.
func (l *Listener) Spec() supervision.ChildSpec {
	return supervision.ChildSpec{
		ID: supervision.Escape(l.socket.Addr().String()),
		Supervisor: &supervision.Spec{
			Strategy: supervision.OneForOne,
			Limit:    supervision.Limit{Restarts: 10, Within: 10 * time.Second},
			Children: []supervision.ChildSpec{
				{ID: "connections", Supervisor: &supervision.Spec{
					Strategy: supervision.SimpleOneForOne, Limit: supervision.Limit{Restarts: 10, Within: 10 * time.Second},
				}},
				{ID: "acceptor", Kind: "acceptor", Restart: supervision.Permanent, Shutdown: time.Second,
					New: func(uint64) actor.Actor { return &acceptor{l} }},
			},
		},
	}
}

// acceptor is the actor that owns the listening socket.
type acceptor struct{ *Listener }

func (a *acceptor) Receive(ctx actor.Context) {
	if _, ok := ctx.Message().(*actor.Started); ok && a.accepting.CompareAndSwap(false, true) {
		go a.accept()
	}
}

// Terminate closes the socket, unless the actor comes back.
func (a *acceptor) Terminate(_ actor.Context, why supervision.Reason) {
	if why != supervision.Restarting {
		_ = a.socket.Close()
	}
}

func (l *Listener) accept() {
	defer l.accepting.Store(false)
	for delay := 5 * time.Millisecond; ; {
		conn, err := l.socket.Accept()
		switch {
		case errors.Is(err, net.ErrClosed):
			return
		case err != nil: // out of file descriptors, mostly: it passes
			l.Log.Error().Err(err).Dur("retry", delay).Msg("accept failed")
			time.Sleep(delay)
			delay = min(2*delay, time.Second)
			continue
		}
		delay = 5 * time.Millisecond
		go l.serve(conn)
	}
}

// serve takes a connection from its first byte to where its reader begins.
func (l *Listener) serve(conn net.Conn) {
	accepted := time.Now()
	if err := l.socket.Options.dress(conn); err != nil {
		l.Log.Error().Err(err).Stringer("peer", conn.RemoteAddr()).Msg("tcp_listen_options cannot be set")
		_ = conn.Close()
		return
	}
	c, err := l.socket.greet(conn, accepted.Add(l.HandshakeTimeout))
	if err != nil {
		if !errors.Is(err, errProbe) {
			l.Log.Warn().Stringer("peer", c.peer).Str("listener", l.socket.Addr().String()).Msg(err.Error())
		}
		_ = c.conn.Close()
		return
	}
	t := newTransport(c.conn, l.System.Send, l.System.Calm, l.Memory.Contents())
	t.received.Add(int64(len(amqp091.ProtocolHeader)))
	p := l.newPeer(t, c, accepted)
	t.expect(l.HandshakeTimeout-time.Since(accepted), p.timedOut)
	l.System.Send(l.System.PID(l.path+"/connections"), &supervision.StartChild{
		Spec: p.spec(p.id()),
		Done: func(_ *actor.PID, err error) {
			if err != nil {
				t.Close()
				l.Connections.remove(p.info)
			}
		},
	})
	r := &reader{
		transport: t, control: p.inbox, memory: l.Memory, limits: &p.negotiated, flow: &p.info.flow, size: slabMin,
		assembler: newAssembler(p.openChannel),
		blocking:  func() { l.System.Send(p.self(), &flowChanged{}) },
		waiters:   [2]*rate.Waiter{rate.NewWaiter(t.wakeReader), rate.NewWaiter(t.wakeReader)},
	}
	r.assembler.limits.maxMessage = l.MaxMessageSize
	r.put = r.deliver
	r.anew = func() {
		l.lendReader(r)
		r.run()
	}
	go r.anew() // on a stack that has nothing of all this
}

// lendReader lets a reader lend its goroutine. One that does not come back keeps its loan, and the reader goes on with another, as it does
// when it rests.
func (l *Listener) lendReader(r *reader) {
	loan := &supervision.Loan{GoOn: r.anew}
	r.lend = func(put func()) bool { return l.System.Lend(loan, put) }
}

func (l *Listener) newPeer(t *Transport, c *caller, accepted time.Time) *peer {
	peerAddr, local := c.peer.String(), c.local.String()
	name := peerAddr + " -> " + local // which holds the two others
	info := &Info{
		ID: l.Connections.NewID(), Name: name, Peer: name[:len(peerAddr)], Local: name[len(name)-len(local):], ConnectedAt: accepted,
		TLS: c.tls, Proxied: c.proxied, socket: t, memory: l.Memory,
	}
	info.params.Store(&Params{})
	p := &peer{
		Node: l.Node, info: info, socket: t, address: c.peer,
		outlet: channel.NewOutlet(t, 0), inbox: channel.NewInbox(t.send, func(int) {}),
	}
	info.Path = l.path + "/connections/" + p.id()
	p.negotiate(Params{})
	l.Connections.add(info)
	return p
}

// id is the connection's segment in the tree: its name, and a number since a name comes again.
func (p *peer) id() string { return supervision.Escape(fmt.Sprintf("%s #%d", p.info.Name, p.info.ID)) }
