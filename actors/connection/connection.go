// Package connection is what a client connects to: listener, transport, reader and writer, and the actor that takes a
// connection through its life. Channels are its neighbours, below the same supervisor.
package connection

import (
	"strconv"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/auth"
	"warren/actors/channel"
	"warren/actors/vhost"
	"warren/persistence/volatile"
	"warren/protocol"
	"warren/protocol/amqp091"
	"warren/supervision"
)

// Timeouts of contract A-22.
const (
	closeTimeout  = 30 * time.Second // for close-ok
	silentDelay   = 3 * time.Second  // before a refused login sees its socket go
	outOfStepTime = 2 * time.Second  // for a client to read why, when nothing of it can be read
	flushGrace    = 5 * time.Second
	shutdownGrace = time.Second
)

// rabbitFrameMin is the least frame_max that RabbitMQ takes since 4.1 (contract P-09).
const rabbitFrameMin = 8192

// Connection is the actor.
type Connection struct {
	*peer
	incarnation uint64
	stream      *volatile.Stream[*State, Event]
	state       *State
	encoded     uint64
	directory   *vhost.Directory // of the open vhost
	forgotten   bool             // the vhost has deleted our exclusive queues
	asked       bool             // it has been asked to
	up          bool             // it has gone on where it stood
	ticking     *time.Timer      // for the next tick
}

// ticks are for heartbeats. They go on across restarts: a connection that crashes more often than they come must not fall silent.
type ticks struct {
	due            time.Time // of the next tick; zero when it has come
	sent, received int64     // bytes at the last tick
	silent         int       // ticks without a byte received
}

// Messages to itself.
type (
	tick        struct{ incarnation uint64 }
	channelGone struct{}
	forced      struct{}
	flowChanged struct{}
)

func newConnection(p *peer, incarnation uint64) *Connection {
	return &Connection{peer: p, incarnation: incarnation}
}

func (p *peer) streamName() string { return "connection/" + strconv.FormatUint(p.info.ID, 10) }

// Receive is the connection's table of contents.
func (c *Connection) Receive(ctx actor.Context) {
	if _, is := ctx.Message().(*actor.Started); is {
		c.recover(ctx)
		return
	}
	if !c.up {
		c.up = true
		c.takeUp()
	}
	switch m := ctx.Message().(type) {
	case *channel.Wake:
		c.steps()
	case *channel.Fault:
		c.fail(0, m.Err, m.Number)
	case *channelGone, *forced, *vhost.Down:
	case *flowChanged:
		c.memoryBlock()
	case *vhost.OwnerForgotten:
		c.forgotten = true
	case *vhost.Up:
		c.asked = false
	case *tick:
		c.tick(ctx, m)
	default:
		return
	}
	c.openVHost(ctx)
	c.force()
	c.beat(ctx)
	switch c.state.Phase {
	case Running:
		c.stream.Fold(c.incarnation) // lets go of what only the handshake needed: methods that the client has heard
	case Closing:
		c.close(ctx)
	}
}

func (c *Connection) recover(ctx actor.Context) {
	c.stream = volatile.Open(c.Streams, c.streamName(), newState)
	got, err := c.stream.Claim(c.incarnation)
	if err != nil {
		panic(err)
	}
	c.state = got.State
	c.encoded = c.outlet.Claim(nil, c.incarnation)
	c.inbox.Attach(ctx.Self(), c.incarnation)
	c.pid.Store(ctx.Self())
	// The rest is for the next turn: a panic there is a crash like another, and no failing start.
	ctx.Send(ctx.Self(), &channel.Wake{})
}

// takeUp goes on where the connection stood, or begins it.
func (c *Connection) takeUp() {
	c.publish() // before the client hears that it is so
	if c.state.output == 0 {
		c.become(0, *c.state.Params, c.terms().start())
	}
	if c.state.CloseSent {
		c.socket.LastWord(c.outlet)
	}
	c.say()
	switch p := c.state.Params; { // what was to follow a close may not have
	case p.CloseSent:
		c.closing()
	case p.Refused:
		c.socket.CloseIn(silentDelay)
	}
	c.memoryBlock() // the word of a change may be lost
	if c.state.Renewals > 0 {
		c.wakeChannels()
	}
	for _, ch := range c.info.Channels() {
		if f := ch.Fault.Load(); f != nil && c.state.Phase != Closing {
			c.fail(0, f.Err, f.Number)
		}
	}
	c.steps()
}

// become makes an event part of the connection: what it is now, and what the client hears.
func (c *Connection) become(step uint64, p Params, reply amqp091.Method) {
	e := Event{Handed: c.outlet.Last(), Step: step, Params: &p, Reply: reply}
	if err := c.stream.Append(c.incarnation, e); err != nil {
		panic(err)
	}
	c.state.Apply(e)
	c.publish()
	if p.CloseSent {
		c.socket.LastWord(c.outlet)
	}
	c.say()
}

// publish shows reader and lists what the connection has become.
func (c *Connection) publish() {
	p := c.state.Params
	c.info.params.Store(p)
	c.renewals.Store(p.Renewals)
	c.negotiate(*p)
}

// say sends what the client has not heard.
func (c *Connection) say() {
	for _, o := range c.state.outputs {
		if o.ordinal <= c.encoded {
			continue
		}
		f := &channel.Frames{}
		f.Method(0, o.method)
		c.outlet.Put(c.incarnation, o.ordinal, f, f.Size())
		c.encoded = o.ordinal
	}
}

func (c *Connection) terms() *Terms {
	t := &Terms{
		FrameMax: c.FrameMax, FrameMaxMinimum: c.FrameMaxMinimum, ChannelMax: c.ChannelMax, Heartbeat: c.Heartbeat,
		Properties: c.ServerProperties, Logins: &c.Logins, TLS: c.info.TLS != nil,
		Authenticate: func(l auth.Login) auth.Refusal {
			switch {
			case l.Refused != "":
				return l.Refused
			case l.Certified:
				return c.Users.Admit(l.User, c.address)
			}
			return c.Users.Authenticate(l.User, l.Password, c.address)
		},
		Open: c.admit, Reach: c.reach,
	}
	if t.TLS && len(c.info.TLS.PeerCertificates) > 0 {
		t.Certificate = c.info.TLS.PeerCertificates[0]
	}
	return t
}

// steps does what the reader brought for channel 0.
func (c *Connection) steps() {
	for _, s := range c.inbox.After(c.state.step) {
		switch {
		case s.Closed:
			c.peerGone(s.Ordinal)
		case s.Err != nil:
			if s.Last { // close-ok cannot be read either
				c.socket.CloseIn(outOfStepTime)
			}
			c.fail(s.Ordinal, s.Err, 0)
		default:
			c.method(s.Ordinal, s.Method)
		}
	}
	c.inbox.Done(c.incarnation, c.state.step, 0)
	c.socket.wakeReader()
}

func (c *Connection) method(step uint64, m amqp091.Method) {
	p := *c.state.Params
	switch m.(type) {
	case *amqp091.ConnectionClose:
		if p.Phase == Closing && !p.CloseSent {
			c.become(step, p, nil)
			return
		}
		p.Phase = Closing // close-ok follows when channels and exclusive queues are gone; ours is not awaited any more
		p.CloseSent = false
		c.become(step, p, nil)
	case *amqp091.ConnectionCloseOk:
		if p.Phase != Closing {
			c.fail(step, protocol.ChannelError("unexpected method in connection state %s", p.Phase).At(m.ID().Class(), m.ID().Method()), 0)
			return
		}
		p.CloseSent, p.Silent = false, true
		c.become(step, p, nil)
	default:
		if p.Phase == Closing {
			c.become(step, p, nil)
			return
		}
		next, reply, refusal, err := p.handshake(m, c.terms())
		if refusal != "" {
			c.log().Warn().Str("mechanism", next.Mechanism).Msg(next.Mechanism + " login refused: " + string(refusal))
		}
		if err != nil {
			c.state.Params = &next
			c.fail(step, err.At(m.ID().Class(), m.ID().Method()), 0)
			return
		}
		c.become(step, next, reply)
		if p.Phase == Tuning && next.FrameMax > 0 && next.FrameMax < rabbitFrameMin {
			c.log().Warn().Int("frame_max", next.FrameMax).Msg("RabbitMQ would refuse this client's frame_max: see frame_max_minimum")
		}
		if next.Phase == Running && p.Phase != Running {
			c.log().Info().Str("user", next.User).Str("vhost", next.VHost).Msg("connection opened")
		}
		if next.Renewals != p.Renewals {
			c.wakeChannels()
		}
		if next.Silent {
			c.socket.CloseIn(silentDelay)
		}
	}
}

// fail closes the connection with an error (contract P-20).
func (c *Connection) fail(step uint64, err *protocol.Error, number uint16) {
	p := *c.state.Params
	if p.Phase == Closing {
		c.become(step, p, nil)
		return
	}
	c.log().Error().Uint16("channel", number).Str("error", err.ReplyText()).Msg("connection closed with an error")
	p.Phase, p.CloseSent = Closing, true
	c.become(step, p, &amqp091.ConnectionClose{ReplyCode: err.Code, ReplyText: err.ReplyText(), ClassID: err.Class, MethodID: err.Method})
	c.closing()
}

// closing is what follows connection.close: every channel ends, and the client has some time to answer.
func (c *Connection) closing() {
	c.closeChannels()
	c.socket.CloseIn(closeTimeout)
}

// memoryBlock tells a client that can take it why it is not read any more, and when it is again (contract P-16).
func (c *Connection) memoryBlock() {
	p := *c.state.Params
	now := c.info.flow.state.Load() == blocked
	if now == p.Blocked || p.Phase != Running || !p.Capability("connection.blocked") {
		return
	}
	p.Blocked = now
	if now {
		c.become(0, p, &amqp091.ConnectionBlocked{Reason: c.Memory.Reason()})
	} else {
		c.become(0, p, &amqp091.ConnectionUnblocked{})
	}
}

func (c *Connection) peerGone(step uint64) {
	p := *c.state.Params
	if p.Phase == Running {
		c.log().Warn().Msg("client closed the socket without closing the connection")
	}
	p.Phase, p.PeerGone = Closing, true
	c.become(step, p, nil)
}

// close takes the connection to its end: first its channels, then its exclusive queues, then close-ok, then the socket.
func (c *Connection) close(ctx actor.Context) {
	p := *c.state.Params
	if c.info.channelCount() > 0 {
		return
	}
	if !c.forgotten && c.owns() {
		if !c.asked {
			c.asked = true
			ctx.Send(c.directory.PID, &vhost.OwnerGone{Connection: c.info.ID, From: ctx.Self()})
		}
		return
	}
	switch {
	case p.PeerGone:
	case p.CloseSent: // until close-ok, or until the client or we lose patience
		return
	case p.Refused: // until its time has come
		return
	case !p.Silent:
		p.Silent = true
		c.become(0, p, &amqp091.ConnectionCloseOk{})
		c.socket.Finish(flushGrace)
		return
	default:
		c.socket.Finish(flushGrace)
		return
	}
	c.log().Info().Msg("connection closed")
	ctx.Stop(ctx.Self())
}

// openVHost finds the vhost when connection.open has named it.
func (c *Connection) openVHost(ctx actor.Context) {
	if c.directory == nil && c.state.VHost != "" {
		c.directory = c.info.directory
		c.directory.Follow(ctx.Self())
	}
}

// owns says whether the vhost is to be told that its exclusive queues of this connection have no owner any more. One that is down
// finds that out when it is up again.
func (c *Connection) owns() bool {
	return c.directory != nil && !c.directory.Gone() && !c.directory.Orphan(c.info.ID)
}

// Terminate is called when the actor stops. A restart keeps everything that is the client's. What is left of one that is given up is for
// [peer.abandon].
func (c *Connection) Terminate(_ actor.Context, why supervision.Reason) {
	if c.ticking != nil {
		c.ticking.Stop()
	}
	if why == supervision.Restarting {
		return
	}
	c.inbox.Attach(nil, c.incarnation)
	if why == supervision.GivenUp { // the rest does not depend on how far this actor has got
		return
	}
	if why != supervision.Normal && c.state != nil && c.state.Phase == Running {
		f := &channel.Frames{}
		err := protocol.ConnectionForced("broker forced connection closure with reason 'shutdown'")
		f.Method(0, &amqp091.ConnectionClose{ReplyCode: err.Code, ReplyText: err.ReplyText()})
		c.socket.LastWord(nil)
		c.socket.Write(channel.Chunk{Frames: f})
	}
	c.socket.Finish(shutdownGrace)
	c.retire(!c.forgotten)
}

// beat arms the next tick: half a heartbeat, as RabbitMQ does.
func (c *Connection) beat(ctx actor.Context) {
	if c.state.Heartbeat == 0 || c.ticking != nil {
		return
	}
	now := time.Now()
	if c.ticks.due.IsZero() {
		c.ticks.due = now.Add(c.state.Heartbeat / 2)
	}
	self, system, next := ctx.Self(), c.System, &tick{c.incarnation}
	c.ticking = time.AfterFunc(c.ticks.due.Sub(now), func() { system.Send(self, next) })
}

// tick sends a heartbeat when nothing was sent, and gives the client up when nothing came for two intervals. That is not
// watched while we do not read (contract P-11).
func (c *Connection) tick(ctx actor.Context, m *tick) {
	if m.incarnation != c.incarnation {
		return // armed before a restart, which has armed its own
	}
	c.ticking, c.ticks.due = nil, time.Time{}
	sent := c.socket.sent.Load()
	if sent == c.ticks.sent {
		sent += c.socket.Heartbeat() // it does not count as a reason to leave out the next
	}
	c.ticks.sent = sent
	received := c.socket.received.Load()
	if received != c.ticks.received || c.info.flow.stopped() {
		c.ticks.silent = 0
	} else {
		c.ticks.silent++
	}
	c.ticks.received = received
	if c.ticks.silent > 4 {
		c.log().Error().Msgf("missed heartbeats from client, timeout: %ds", c.state.Heartbeat/time.Second)
		c.socket.Close()
		return
	}
	c.beat(ctx)
}
