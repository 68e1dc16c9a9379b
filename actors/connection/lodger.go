package connection

import (
	"strconv"
	"sync/atomic"
	"time"

	"github.com/asynkron/protoactor-go/actor"

	"warren/actors/channel"
	"warren/protocol"
	"warren/supervision"
)

// lodger is a channel as its connection has it, from its opening to its end, whoever brings that about. It outlives the channel's actor.
type lodger struct {
	*peer
	options channel.Options
	over    atomic.Bool
}

// openChannel makes a channel and has its actor started. What comes for it meanwhile waits in its inbox.
func (p *peer) openChannel(number uint16) (*inbound, *protocol.Error) {
	params := p.info.Params()
	if err := p.admitChannel(params.User); err != nil {
		return nil, err
	}
	session := p.Sessions.NewID()
	o := &lodger{peer: p, options: channel.Options{
		Client: p.forChannels(params), Session: session, Number: number,
		ID:    supervision.Escape("channel " + strconv.Itoa(int(number)) + "." + strconv.FormatUint(session&0xffffffff, 10)),
		Inbox: channel.NewInbox(p.socket.send, p.socket.account), Outlet: channel.NewOutlet(p.socket, params.FrameMax),
		Info: &channel.Info{Number: number, Session: session},
	}}
	p.info.addChannel(o.options.Info)
	p.addInbox(session, o.options.Inbox)
	p.System.Send(p.System.PID(p.info.Path), &supervision.StartChild{
		Spec: supervision.ChildSpec{
			ID: o.options.ID, Kind: "channel", Restart: supervision.Transient, Shutdown: 5 * time.Second,
			GiveUp: &restarts, OnGiveUp: o.givenUp,
			OnExit: func(supervision.Reason) { o.gone() },
			New:    func(incarnation uint64) actor.Actor { return channel.New(o.options, incarnation) },
		},
		Done: func(_ *actor.PID, err error) {
			if err != nil { // nobody will answer on this channel
				o.abandon()
			}
		},
	})
	return &inbound{number: number, inbox: o.options.Inbox}, nil
}

// forChannels is what all its channels have in common. A connection without any does not need it.
func (p *peer) forChannels(params *Params) *channel.Client {
	if p.client == nil {
		p.client = &channel.Client{
			Path: p.info.Path, Connection: p.info.ID, User: params.User, Owner: p.self(), VHost: p.info.directory, Access: p.Users,
			Sessions: p.Sessions, Streams: p.Streams, Ledger: p.Memory, System: p.System, Log: p.log,
			VHostRates: p.Users.Rates.VHost(params.VHost), UserRates: p.Users.Rates.User(params.User),
			CancelNotify: params.Capability("consumer_cancel_notify"), ConsumerMax: p.ConsumerMax, Poison: p.Poison,
			GlobalQos: p.GlobalQos, Renewals: &p.renewals,
		}
	}
	return p.client
}

// gone is called when nothing of the channel is left, and more than once.
func (o *lodger) gone() {
	if o.over.Swap(true) {
		return
	}
	session := o.options.Session
	o.mu.Lock()
	delete(o.inboxes, session)
	o.mu.Unlock()
	o.options.Inbox.Close()
	o.info.removeChannel(session)
	o.channelLeft()
	o.System.Send(o.self(), &channelGone{})
}

// givenUp is for a channel that crashed too often. Its number is another's soon.
func (o *lodger) givenUp(any) {
	o.abandon()
	o.System.Send(o.System.PID(o.info.Path), &supervision.TerminateChild{ID: o.options.ID})
}

func (o *lodger) abandon() {
	o.log().Error().Uint16("channel", o.options.Number).Msg("channel given up: it is closed, and its connection goes on")
	defer o.gone()
	channel.Abandon(o.options)
}
