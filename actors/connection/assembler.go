package connection

import (
	"slices"
	"strings"

	"warren/actors/channel"
	"warren/actors/queue/ready"
	"warren/protocol"
	"warren/protocol/amqp091"
)

// assembler makes steps of frames: it puts publishes together from method, header and body, and gathers what one read
// brought for each channel. It is pure; the reader feeds it.
type assembler struct {
	limits   limits
	channels map[uint16]*inbound
	dirty    []*inbound                               // channels with steps of this read
	partial  []*inbound                               // channels whose content began in this read
	open     func(uint16) (*inbound, *protocol.Error) // makes a channel, unless there may be no more
	control  []channel.Step                           // for the connection itself
	names    map[string]string                        // exchange names that were seen, in memory of their own
	ended    bool                                     // after a fault: only the end of the connection counts

	// What was published since the reader has last looked, for limits of rates: messages, and bytes of their bodies.
	messages, bytes int

	large   *inbound // whose content header has just been read, and announces more than small, or that comes in pieces after all
	arrived int      // bytes of contents that have arrived since the reader has last looked, of what it had reserved
}

// limits are what assembling depends on of what was negotiated.
type limits struct {
	channelMax int
	maxMessage int64
	user       string
	anyUser    bool // user_id may be another's
	running    bool // connection.open has been answered
}

// inbound is one channel as the reader sees it.
type inbound struct {
	number    uint16
	inbox     *channel.Inbox
	published uint64 // sequence of the newest publish
	steps     []channel.Step
	content   content
	closed    bool // its number is free for another channel
	hint      int  // messages in the last step, the capacity of the next
}

// content is a publish that has not arrived whole.
type content struct {
	state      contentState
	aliases    bool // the message aliases the read buffer
	exchange   string
	message    protocol.Message
	size       int
	reserved   int  // bytes
	owned      bool // Body is a buffer of ours that grows
	discarding bool // too large: read over it
}

type contentState uint8

const (
	wantMethod contentState = iota
	wantHeader
	wantBody
)

// maxContent is the largest body size a content header may announce (contract P-25).
const maxContent = 512 << 20

func newAssembler(open func(uint16) (*inbound, *protocol.Error)) *assembler {
	return &assembler{open: open}
}

// frame takes one frame. An error is the whole connection's.
func (a *assembler) frame(f amqp091.Frame) *protocol.Error {
	if f.Type == amqp091.FrameHeartbeat {
		return nil
	}
	if f.Channel == 0 {
		return a.controlFrame(f)
	}
	if a.ended {
		return nil
	}
	if !a.limits.running {
		return protocol.ChannelError("frame on channel %d before connection.open", f.Channel)
	}
	in := a.channels[f.Channel]
	if in == nil || in.closed {
		return a.opening(f)
	}
	switch in.content.state {
	case wantHeader:
		return a.header(in, f)
	case wantBody:
		return a.body(in, f)
	}
	if f.Type != amqp091.FrameMethod {
		return protocol.UnexpectedFrame("expected method frame, got non method frame instead")
	}
	return a.method(in, f.Payload)
}

func (a *assembler) controlFrame(f amqp091.Frame) *protocol.Error {
	if f.Type != amqp091.FrameMethod {
		return protocol.UnexpectedFrame("expected method frame, got non method frame instead")
	}
	m, err := amqp091.ParseMethod(slices.Clone(f.Payload))
	if err != nil {
		if a.ended {
			return nil
		}
		return protocol.AsError(err)
	}
	switch m.(type) {
	case *amqp091.ConnectionClose, *amqp091.ConnectionCloseOk:
		a.end()
	default:
		if a.ended {
			return nil
		}
	}
	a.control = append(a.control, channel.Step{Method: m})
	return nil
}

// end closes every channel, behind what it still has to do.
func (a *assembler) end() {
	if !a.ended {
		a.ended = true
		a.close()
	}
}

// close puts the end into every channel's inbox. A second one finds the channel ended.
func (a *assembler) close() {
	for _, in := range a.channels {
		if !in.closed {
			a.add(in, channel.Step{Closed: true})
		}
	}
}

// opening is the first frame of a channel (contract P-23).
func (a *assembler) opening(f amqp091.Frame) *protocol.Error {
	id, _, err := methodID(f)
	if err != nil {
		return err
	}
	if id != amqp091.MethodChannelOpen {
		if id == amqp091.MethodChannelCloseOk {
			return nil // both sides closed at once, and ours is answered behind the client's
		}
		return protocol.ChannelError("expected 'channel.open'").At(id.Class(), id.Method())
	}
	count := 0
	for _, in := range a.channels {
		if !in.closed {
			count++
		}
	}
	if limit := a.limits.channelMax; limit > 0 && count >= limit {
		return protocol.NotAllowed("number of channels opened (%d) has reached the negotiated channel_max (%d)", count, limit).
			At(id.Class(), id.Method())
	}
	in, err := a.open(f.Channel)
	if err != nil {
		return err.At(id.Class(), id.Method())
	}
	if a.channels == nil {
		a.channels = map[uint16]*inbound{}
	}
	a.channels[f.Channel] = in
	a.add(in, channel.Step{Method: &amqp091.ChannelOpen{}})
	return nil
}

func methodID(f amqp091.Frame) (amqp091.MethodID, []byte, *protocol.Error) {
	if f.Type != amqp091.FrameMethod {
		return 0, nil, protocol.UnexpectedFrame("expected method frame, got non method frame instead")
	}
	id, args, err := amqp091.SplitMethod(f.Payload)
	if err != nil {
		return 0, nil, protocol.AsError(err)
	}
	return id, args, nil
}

// add puts a step behind those of this read.
func (a *assembler) add(in *inbound, s channel.Step) {
	if len(in.steps) == 0 {
		a.dirty = append(a.dirty, in)
	}
	in.steps = append(in.steps, s)
}

func (a *assembler) method(in *inbound, payload []byte) *protocol.Error {
	id, args, err := amqp091.SplitMethod(payload)
	if err != nil {
		return protocol.AsError(err)
	}
	switch id {
	case amqp091.MethodBasicPublish:
		return a.publish(in, args)
	case amqp091.MethodBasicAck:
		var m amqp091.BasicAck
		return a.ack(in, id, m.Parse(args), channel.Ack{Tag: m.DeliveryTag, Multiple: m.Multiple, Outcome: ready.Acked})
	case amqp091.MethodBasicNack:
		var m amqp091.BasicNack
		err := m.Parse(args)
		return a.ack(in, id, err, channel.Ack{Tag: m.DeliveryTag, Multiple: m.Multiple, Outcome: rejected(m.Requeue)})
	case amqp091.MethodBasicReject:
		var m amqp091.BasicReject
		err := m.Parse(args)
		return a.ack(in, id, err, channel.Ack{Tag: m.DeliveryTag, Outcome: rejected(m.Requeue)})
	}
	m, err := amqp091.ParseMethod(slices.Clone(payload)) // it may be kept for as long as what it names
	if err != nil {
		return protocol.AsError(err)
	}
	switch m.(type) {
	case *amqp091.ChannelClose, *amqp091.ChannelCloseOk:
		in.closed = true
	}
	if id.Class() == amqp091.ClassConnection {
		return protocol.CommandInvalid("unimplemented method").At(id.Class(), id.Method())
	}
	a.add(in, channel.Step{Method: m})
	return nil
}

func rejected(requeue bool) ready.Outcome {
	if requeue {
		return ready.Requeued
	}
	return ready.Discarded
}

// ack joins the settlements that come one behind the other.
func (a *assembler) ack(in *inbound, id amqp091.MethodID, err error, ack channel.Ack) *protocol.Error {
	if err != nil {
		return protocol.AsError(err).At(id.Class(), id.Method())
	}
	ack.Method = id
	for i := len(in.steps) - 1; i >= 0; i-- {
		s := &in.steps[i]
		if s.Acks != nil {
			s.Acks = append(s.Acks, ack)
			return nil
		}
		if s.Messages == nil {
			break
		}
	}
	a.add(in, channel.Step{Acks: append(make([]channel.Ack, 0, 4), ack)})
	return nil
}

func (a *assembler) publish(in *inbound, args []byte) *protocol.Error {
	var m amqp091.BasicPublish
	if err := m.Parse(args); err != nil {
		return protocol.AsError(err)
	}
	if m.Immediate {
		return protocol.NotImplemented("immediate=true").At(60, 40)
	}
	c := content{state: wantHeader, exchange: a.name(m.Exchange)}
	c.message.RoutingKey = m.RoutingKey
	if m.Mandatory {
		c.message.Flags |= protocol.FlagMandatory
	}
	in.content = c
	a.aliasing(in)
	return nil
}

// aliasing notes that a publish under way aliases the read buffer.
func (a *assembler) aliasing(in *inbound) {
	if !in.content.aliases {
		in.content.aliases = true
		a.partial = append(a.partial, in)
	}
}

// name returns an exchange name in memory of its own: the argument aliases the read buffer.
func (a *assembler) name(s string) string {
	if kept, ok := a.names[s]; ok {
		return kept
	}
	if a.names == nil || len(a.names) >= 256 {
		a.names = map[string]string{}
	}
	s = strings.Clone(s)
	a.names[s] = s
	return s
}

func (a *assembler) header(in *inbound, f amqp091.Frame) *protocol.Error {
	if f.Type != amqp091.FrameHeader {
		return protocol.UnexpectedFrame("expected content header for class 60, got non content header frame instead").At(60, 40)
	}
	h, err := amqp091.ParseContentHeader(f.Payload)
	if err != nil {
		return protocol.AsError(err)
	}
	if h.Class != amqp091.ClassBasic {
		return protocol.UnexpectedFrame("expected content header for class 60, got one for class %d instead", h.Class).At(60, 40)
	}
	if h.BodySize > maxContent {
		return protocol.FrameError("content of %d bytes exceeds the maximum of %d", h.BodySize, int64(maxContent))
	}
	c := &in.content
	scan, err := protocol.ScanProperties(h.Properties)
	if err != nil {
		return protocol.AsError(err).At(60, 40)
	}
	c.size = int(h.BodySize)
	selected, badKeys := protocol.SelectedKeys(scan.Headers)
	if problem, refused := a.refuse(&scan, int64(h.BodySize), badKeys); problem != nil {
		if refused != nil {
			refused.Exchange, refused.Key = c.exchange, strings.Clone(c.message.RoutingKey)
		}
		a.add(in, channel.Step{Err: problem.At(60, 40), Refused: refused})
		c.discarding = true
	}
	protocol.ClearMarks(h.Properties)
	m := &c.message
	m.Properties, m.Priority = h.Properties, scan.Priority
	if scan.DeliveryMode == protocol.DeliveryPersistent {
		m.Flags |= protocol.FlagPersistent
	}
	if scan.Headers != nil {
		m.Flags |= protocol.FlagHeaders | selected
	}
	if scan.Has(protocol.PropExpiration) {
		m.Flags |= protocol.FlagExpires
	}
	c.state = wantBody
	a.aliasing(in)
	switch {
	case c.size == 0:
		a.complete(in)
	case c.size > small && !c.discarding:
		a.large = in
	}
	return nil
}

// small contents are read like everything else, however many connections there are; memory for larger ones is reserved first.
const small = 16 << 10

// refuse is what speaks against a message, in the order of contract P-31. What the channel looks at comes between: the exchange in
// front of all but the size, the routing key in front of the user.
func (a *assembler) refuse(s *protocol.Scan, size int64, badKeys *protocol.Error) (*protocol.Error, *channel.Refused) {
	if a.limits.maxMessage > 0 && size > a.limits.maxMessage {
		return protocol.PreconditionFailed("message size %d is larger than configured max size %d", size, a.limits.maxMessage), nil
	}
	if s.Has(protocol.PropExpiration) {
		if err := expirationError(s.Expiration); err != nil {
			return err, &channel.Refused{}
		}
	}
	if badKeys != nil {
		return badKeys, &channel.Refused{}
	}
	if s.Has(protocol.PropUserID) && string(s.UserID) != a.limits.user && !a.limits.anyUser {
		return protocol.PreconditionFailed("user_id property set to '%s' but authenticated user was '%s'", s.UserID, a.limits.user),
			&channel.Refused{BehindKey: true}
	}
	return nil, nil
}

// expirationError is contract P-32's.
func expirationError(text []byte) *protocol.Error {
	if _, why := protocol.ParseExpiration(text); why != nil {
		return protocol.PreconditionFailed("invalid expiration '%s': %v", text, why)
	}
	return nil
}

func (a *assembler) body(in *inbound, f amqp091.Frame) *protocol.Error {
	c := &in.content
	if f.Type != amqp091.FrameBody {
		return protocol.UnexpectedFrame("expected content body, got non content body frame instead").At(60, 40)
	}
	have := len(c.message.Body)
	if have+len(f.Payload) > c.size {
		return protocol.FrameError("content of %d bytes where %d were announced", have+len(f.Payload), c.size).At(60, 40)
	}
	switch {
	case c.discarding:
		c.size -= len(f.Payload)
	case have == 0 && len(f.Payload) == c.size: // the usual case: the body is one frame, used where it was read
		c.message.Body = f.Payload
	default:
		c.grow(len(f.Payload))
		c.message.Body = append(c.message.Body, f.Payload...)
		if c.reserved == 0 && c.size > small && len(c.message.Body) < c.size {
			a.large = in // it was to come in one frame
		}
	}
	if len(c.message.Body) == c.size && (!c.discarding || c.size == 0) {
		a.complete(in)
	}
	return nil
}

// firstReserve bounds what a content header alone can make us reserve; from there a buffer doubles with what arrives.
const firstReserve = 1 << 20

// grow makes room for n bytes more, and for one behind them.
func (c *content) grow(n int) {
	have := len(c.message.Body)
	if c.owned && have+n < cap(c.message.Body) {
		return
	}
	bigger := protocol.Uncleared(min(c.size, max(have+n, 2*have, firstReserve)) + 1)
	copy(bigger, c.message.Body)
	c.message.Body, c.owned = bigger[:have], true
}

const maxStepMessages = 256

// complete adds a publish to the step of its exchange. Within a read the publishes of a channel to one exchange are one
// step, up to the next method: only the order on one exchange is promised (AMQP 0-9-1, 4.7).
func (a *assembler) complete(in *inbound) {
	c := &in.content
	message, exchange, discarding := c.message, c.exchange, c.discarding
	a.arrived += c.reserved
	if c.owned {
		message.Body = slices.Clip(message.Body)
	}
	*c = content{}
	if discarding {
		return
	}
	in.published++
	message.Seq = in.published
	size := message.Size()
	a.messages++
	a.bytes += len(message.Body)
	for i := len(in.steps) - 1; i >= 0; i-- {
		s := &in.steps[i]
		if s.Messages == nil && s.Acks == nil {
			break
		}
		if s.Messages != nil && s.Exchange == exchange {
			if len(s.Messages) < maxStepMessages {
				s.Messages = append(s.Messages, message)
				s.Bytes += size
				in.hint = max(in.hint, len(s.Messages))
				return
			}
			break
		}
	}
	messages := make([]protocol.Message, 1, max(1, min(in.hint, maxStepMessages)))
	messages[0] = message
	in.hint = 1
	a.add(in, channel.Step{Exchange: exchange, Messages: messages, Bytes: size})
}

// detach makes every publish that has not arrived whole own its bytes: the buffer it was read into goes on to other uses.
func (a *assembler) detach() {
	for _, in := range a.partial {
		if c := &in.content; c.aliases {
			c.message.RoutingKey = strings.Clone(c.message.RoutingKey)
			c.message.Properties = slices.Clone(c.message.Properties)
			c.aliases = false
		}
	}
	a.partial = a.partial[:0]
}

// forget puts the end of their channels in place of the steps of this read. The connection is ending, and nobody hears of them.
func (a *assembler) forget() {
	for _, in := range a.dirty {
		in.steps = []channel.Step{{Closed: true}}
	}
}

// take returns the steps of this read for every channel that has some, and forgets them.
func (a *assembler) take(deliver func(in *inbound, steps []channel.Step)) {
	for _, in := range a.dirty {
		steps := in.steps
		in.steps = nil
		deliver(in, steps)
		if in.closed && a.channels[in.number] == in {
			delete(a.channels, in.number)
		}
	}
	a.dirty = a.dirty[:0]
}
