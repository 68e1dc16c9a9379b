package connection

import (
	"net"
	"path"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"

	"warren/actors/channel"
	"warren/actors/rate"
	"warren/actors/vhost"
	"warren/protocol"
	"warren/protocol/amqp091"
	"warren/supervision"
)

// peer is what belongs to the client and outlives the connection's actor.
type peer struct {
	*Node
	info       *Info
	socket     *Transport
	address    net.Addr // the client's, behind a proxy too
	inbox      *channel.Inbox
	outlet     *channel.Outlet
	negotiated atomic.Pointer[negotiated]
	renewals   atomic.Uint64 // Params.Renewals, for the channels
	ticks      ticks         // of whichever actor it is now
	log        zerolog.Logger

	mu      sync.Mutex
	inboxes map[uint64]*channel.Inbox // of open channels, by session; nil behind the connection's end
}

// negotiated is what both sides agreed on, as far as the reader must know. The connection's actor publishes it as it goes.
type negotiated struct {
	frameMax   int // 0 for no limit
	channelMax int
	user       string
	anyUser    bool // publishes in whose name it likes
	running    bool
	closing    bool
	// Where the limits of rates are, once it runs.
	vhost, whose *rate.Scope
}

func (p *peer) negotiate(n Params) {
	limits := &negotiated{
		frameMax: n.FrameMax, channelMax: n.ChannelMax, user: n.User, anyUser: mayImpersonate(p.Users, n.User),
		running: n.Phase >= Running, closing: n.Phase >= Closing && (n.CloseSent || n.Silent),
	}
	if n.Phase <= Tuning {
		limits.frameMax = p.InitialFrameMax // contract P-09
	}
	if n.Phase >= Running {
		limits.vhost, limits.whose = p.Users.Rates.VHost(n.VHost), p.Users.Rates.User(n.User)
	}
	p.negotiated.Store(limits)
	if limits.closing { // which may be held by a limit
		p.socket.wakeReader()
	}
}

// actorName is the last segment of the connection actor's path; its channels are its siblings.
const actorName = "connection"

// self is the connection's actor.
func (p *peer) self() *actor.PID { return p.System.PID(p.info.Path + "/" + actorName) }

// spec is how a connection runs: a supervisor that ends with the connection's actor and is never started again, since
// nothing brings back a socket. Below it every channel is on its own: one that crashes starts again, and one that keeps
// crashing is closed, and nobody else. A connection's actor that keeps crashing ends all of it.
func (p *peer) spec(id string) supervision.ChildSpec {
	return supervision.ChildSpec{
		ID:      id,
		Restart: supervision.Temporary,
		Supervisor: &supervision.Spec{
			Strategy:     supervision.OneForOne,
			Limit:        supervision.Limit{Restarts: 5, Within: 10 * time.Second},
			AutoShutdown: supervision.AnySignificant,
			Children: []supervision.ChildSpec{{
				ID: actorName, Kind: "connection", Restart: supervision.Transient, Significant: true, Shutdown: 5 * time.Second,
				GiveUp: &supervision.Limit{Restarts: 5, Within: 10 * time.Second},
				OnGiveUp: func(any) {
					p.abandon()
					supervisor, id := path.Split(p.info.Path)
					p.System.Send(p.System.PID(strings.TrimSuffix(supervisor, "/")), &supervision.TerminateChild{ID: id})
				},
				New: func(incarnation uint64) actor.Actor { return newConnection(p, incarnation) },
			}},
		},
	}
}

// openChannel makes a channel and has its actor started. What comes for it meanwhile waits in its inbox.
func (p *peer) openChannel(number uint16) (*inbound, *protocol.Error) {
	params := p.info.Params()
	if err := p.admitChannel(params.User); err != nil {
		return nil, err
	}
	session := p.Sessions.NewID()
	in := &inbound{number: number, inbox: channel.NewInbox(p.System.Send, p.socket.account)}
	info := &channel.Info{Number: number, Session: session}
	p.info.addChannel(info)
	p.mu.Lock()
	if p.inboxes != nil {
		p.inboxes[session] = in.inbox
	} else {
		in.inbox.Close()
	}
	p.mu.Unlock()

	self := p.self()
	gone := sync.OnceFunc(func() {
		p.mu.Lock()
		delete(p.inboxes, session)
		p.mu.Unlock()
		in.inbox.Close()
		p.info.removeChannel(session)
		p.channelLeft()
		p.System.Send(self, &channelGone{})
	})
	id := supervision.Escape("channel " + strconv.Itoa(int(number)) + "." + strconv.FormatUint(session&0xffffffff, 10))
	supervisor := p.System.PID(p.info.Path)
	options := channel.Options{
		Session: session, Number: number, Path: p.info.Path + "/" + id, Connection: p.info.ID, User: params.User, Owner: self,
		VHost: p.info.directory, Access: p.Users, Inbox: in.inbox, Outlet: channel.NewOutlet(p.socket, params.FrameMax), Info: info,
		Sessions: p.Sessions, Streams: p.Streams, Ledger: p.Memory, System: p.System, Log: p.log,
		VHostRates: p.Users.Rates.VHost(params.VHost), UserRates: p.Users.Rates.User(params.User),
		CancelNotify: params.Capability("consumer_cancel_notify"), ConsumerMax: p.ConsumerMax, Poison: p.Poison,
		GlobalQos: p.GlobalQos, Renewals: &p.renewals,
	}
	abandon := func() {
		p.log.Error().Uint16("channel", number).Msg("channel given up: it is closed, and its connection goes on")
		defer gone()
		channel.Abandon(options)
	}
	p.System.Send(supervisor, &supervision.StartChild{
		Spec: supervision.ChildSpec{
			ID: id, Kind: "channel", Restart: supervision.Transient, Shutdown: 5 * time.Second,
			GiveUp: &supervision.Limit{Restarts: 5, Within: 10 * time.Second},
			OnGiveUp: func(any) {
				abandon()
				p.System.Send(supervisor, &supervision.TerminateChild{ID: id}) // its number is another's soon
			},
			OnExit: func(supervision.Reason) { gone() },
			New:    func(incarnation uint64) actor.Actor { return channel.New(options, incarnation) },
		},
		Done: func(_ *actor.PID, err error) {
			if err != nil { // nobody will answer on this channel
				abandon()
			}
		},
	})
	return in, nil
}

// abandon is the end of a connection whose actor was given up; its channels end behind it. The client hears connection.close with
// 541 (contract K-31), and has the usual time to answer. Nobody is there to take what it says, so inbox and outlet do.
func (p *peer) abandon() {
	p.log.Error().Msg("connection given up: it is closed")
	params := *p.info.Params()
	running := params.Phase >= Running
	params.Phase, params.CloseSent = Closing, true
	p.negotiate(params) // nothing of it counts any more but close and close-ok
	p.mu.Lock()
	for _, in := range p.inboxes {
		in.Leave(func(channel.Ending) {})
	}
	p.mu.Unlock()
	closed := protocol.InternalError("the connection failed too often")
	closes := &amqp091.ConnectionClose{ReplyCode: closed.Code, ReplyText: closed.ReplyText()}
	p.socket.LastWord(p.outlet)
	p.inbox.Leave(func(at channel.Ending) {
		if running { // the handshake of one that is not ends with its socket
			p.outlet.Finish(at, 0, closes, &amqp091.ConnectionCloseOk{})
		}
		if at != channel.Alive || !running {
			p.socket.Finish(flushGrace)
		}
	})
	time.AfterFunc(closeTimeout, p.socket.Close)
	p.retire(true)
}

// retire takes away what others know of the connection. Unless it knows already, its vhost hears that the exclusive queues have no owner any
// more; one that is down finds that out when it is up again.
func (p *peer) retire(owns bool) {
	p.letGo()
	p.Connections.remove(p.info.ID) // a vhost that does not hear what follows looks there
	p.Streams.Drop(p.streamName())
	if d := p.info.directory; d != nil {
		d.Unfollow(p.self())
		if owns && !d.Gone() && !d.Orphan(p.info.ID) {
			p.System.Send(d.PID, &vhost.OwnerGone{Connection: p.info.ID})
		}
	}
}

// wakeChannels has every channel look at its consumers again, after the user's secret was renewed.
func (p *peer) wakeChannels() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, in := range p.inboxes {
		in.Put(nil)
	}
}

// closeChannels puts the end into every inbox, when it is us who close.
func (p *peer) closeChannels() {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, in := range p.inboxes {
		in.Put([]channel.Step{{Closed: true}})
	}
}

// letGo is the connection's end: what its channels had in flight does not count any more.
func (p *peer) letGo() {
	p.mu.Lock()
	left := p.inboxes
	p.inboxes = nil
	p.mu.Unlock()
	for _, in := range left {
		in.Close()
	}
}
