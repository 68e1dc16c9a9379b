package connection

import (
	"net"
	"path"
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
	pid        atomic.Pointer[actor.PID]
	client     *channel.Client // nil before the first channel; the reader's

	mu      sync.Mutex
	inboxes map[uint64]*channel.Inbox // of open channels, by session
	ended   bool                      // the connection has, and no inbox counts any more
}

// log names the connection. A logger is half a kibibyte, and few connections have much to log.
func (p *peer) log() *zerolog.Logger {
	l := p.Log.With().Str("connection", p.info.Name).Logger()
	return &l
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
	if limits.running {
		p.socket.known()
	}
	if limits.closing { // which may be held by a limit
		p.socket.wakeReader()
	}
}

// timedOut ends a connection whose client takes too long to open it (contract P-09), also when no actor has come to serve it.
func (p *peer) timedOut() {
	if phase := p.info.Params().Phase; phase < Running {
		p.log().Warn().Stringer("state", phase).Msg("handshake timed out")
		p.socket.Close()
		p.Connections.remove(p.info)
	}
}

// actorName is the last segment of the connection actor's path; its channels are its siblings.
const actorName = "connection"

// self is the connection's actor, which may not have started.
func (p *peer) self() *actor.PID {
	if pid := p.pid.Load(); pid != nil {
		return pid
	}
	return p.System.PID(p.info.Path + "/" + actorName)
}

// restarts are how often a connection's actor or a channel may crash until it is given up.
var restarts = supervision.Limit{Restarts: 5, Within: 10 * time.Second}

// spec is how a connection runs: a supervisor that ends with the connection's actor and is never started again, since
// nothing brings back a socket. Below it every channel is on its own: one that crashes starts again, and one that keeps
// crashing is closed, and nobody else. A connection's actor that keeps crashing ends all of it.
func (p *peer) spec(id string) supervision.ChildSpec {
	return supervision.ChildSpec{
		ID:      id,
		Restart: supervision.Temporary,
		Supervisor: &supervision.Spec{
			Strategy:     supervision.OneForOne,
			Limit:        restarts,
			AutoShutdown: supervision.AnySignificant,
			Children: []supervision.ChildSpec{{
				ID: actorName, Kind: "connection", Restart: supervision.Transient, Significant: true, Shutdown: 5 * time.Second,
				GiveUp: &restarts,
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

// abandon is the end of a connection whose actor was given up; its channels end behind it. The client hears connection.close with
// 541 (contract K-31), and has the usual time to answer. Nobody is there to take what it says, so inbox and outlet do.
func (p *peer) abandon() {
	p.log().Error().Msg("connection given up: it is closed")
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
	p.socket.CloseIn(closeTimeout)
	p.retire(true)
}

// retire takes away what others know of the connection. Unless it knows already, its vhost hears that the exclusive queues have no owner any
// more; one that is down finds that out when it is up again.
func (p *peer) retire(owns bool) {
	p.letGo()
	p.Connections.remove(p.info) // a vhost that does not hear what follows looks there
	p.Streams.Drop(p.streamName())
	if d := p.info.directory; d != nil {
		d.Unfollow(p.self())
		if owns && !d.Gone() && !d.Orphan(p.info.ID) {
			p.System.Send(d.PID, &vhost.OwnerGone{Connection: p.info.ID})
		}
	}
}

// addInbox takes the inbox of a channel that was opened. Behind the connection's end it counts no more.
func (p *peer) addInbox(session uint64, in *channel.Inbox) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.ended {
		in.Close()
		return
	}
	if p.inboxes == nil {
		p.inboxes = map[uint64]*channel.Inbox{}
	}
	p.inboxes[session] = in
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
	p.inboxes, p.ended = nil, true
	p.mu.Unlock()
	for _, in := range left {
		in.Close()
	}
}
