package model

import (
	"bufio"
	"fmt"
	"net"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"warren/test/raw"
)

// control is a channel of each connection that programs do not know: the counts of queues are asked on it.
const control = 99

// watch is what all clients of a run have seen, in the order of each channel.
type watch struct {
	mu     sync.Mutex
	events []event
	more   chan struct{} // a value when there is a new event
	prefix string        // of all names, taken off again
}

// event is something a client saw.
type event struct {
	conn, ch int
	what     string // as the model says it; ack, nack and deliver have their fields below
	number   uint64 // delivery tag
	multiple bool
	delivery *received
}

type received struct {
	consumer, exchange, key, body string
	redelivered                   bool
}

func (w *watch) add(e event) {
	w.mu.Lock()
	w.events = append(w.events, e)
	w.mu.Unlock()
	select {
	case w.more <- struct{}{}:
	default:
	}
}

// take hands over what was seen since the last time.
func (w *watch) take() []event {
	w.mu.Lock()
	defer w.mu.Unlock()
	taken := w.events
	w.events = nil
	return taken
}

// client is a connection.
type client struct {
	index int
	conn  net.Conn
	watch *watch
	asked chan string // answers on the control channel
	left  atomic.Bool // the end of the socket is no news
}

func dial(addr string, index int, w *watch) (*client, error) {
	conn, err := net.DialTimeout("tcp", addr, raw.Limit)
	if err != nil {
		return nil, err
	}
	c := &client{index: index, conn: conn, watch: w, asked: make(chan string, 16)}
	opened := make(chan error, 1)
	_ = conn.SetDeadline(time.Now().Add(10 * time.Minute))
	go c.read(opened)
	c.write(raw.Header)
	select {
	case err := <-opened:
		if err != nil {
			return nil, err
		}
	case <-time.After(raw.Limit):
		conn.Close()
		return nil, fmt.Errorf("the connection does not open within %v", raw.Limit)
	}
	_, err = c.ask(raw.ChannelOpen, raw.Fields{}.ShortStr(""))
	return c, err
}

// leave closes the socket.
func (c *client) leave() {
	c.left.Store(true)
	c.conn.Close()
}

func (c *client) write(b []byte) { _, _ = c.conn.Write(b) } // the reader sees the end

func (c *client) method(ch int, id raw.ID, args raw.Fields) {
	c.write(raw.MethodFrame(uint16(ch), id, args))
}

// ask calls a method on the control channel.
func (c *client) ask(id raw.ID, args raw.Fields) (string, error) {
	c.method(control, id, args)
	select {
	case answer := <-c.asked:
		return answer, nil
	case <-time.After(raw.Limit):
		return "", fmt.Errorf("c%d: no answer to %v within %v", c.index, id, raw.Limit)
	}
}

// read goes on until the socket ends.
func (c *client) read(opened chan<- error) {
	r := bufio.NewReader(c.conn)
	pending := map[uint16]*content{}
	for {
		f, err := raw.ReadFrame(r)
		if err != nil {
			select {
			case opened <- err:
			default:
			}
			if !c.left.Load() {
				c.watch.add(event{conn: c.index, what: "end of the socket"})
			}
			return
		}
		switch {
		case f.Type == raw.FrameMethod && f.Channel == 0 && c.handshake(f, opened):
		case f.Type == raw.FrameMethod:
			if id := f.Method(); id == raw.ConnectionClose || id == raw.ConnectionCloseOk {
				c.left.Store(true)
			}
			c.said(f, pending)
		case f.Type == raw.FrameHeader:
			d := raw.Decoder{Rest: f.Payload[4:]}
			pending[f.Channel].left = int(d.LongLong())
			c.complete(f.Channel, pending)
		case f.Type == raw.FrameBody:
			p := pending[f.Channel]
			p.body.Write(f.Payload)
			p.left -= len(f.Payload)
			c.complete(f.Channel, pending)
		}
	}
}

// handshake answers what comes before open-ok.
func (c *client) handshake(f raw.Frame, opened chan<- error) bool {
	switch f.Method() {
	case raw.ConnectionStart:
		c.method(0, raw.ConnectionStartOk, raw.StartOk("guest", "guest", "consumer_cancel_notify", true))
	case raw.ConnectionTune:
		d := raw.Decoder{Rest: f.Payload[4:]}
		c.method(0, raw.ConnectionTuneOk, raw.TuneOk(raw.Tuning{ChannelMax: d.Short(), FrameMax: d.Long()}))
		c.method(0, raw.ConnectionOpen, raw.OpenVhost("/"))
	case raw.ConnectionOpenOk:
		opened <- nil
	default:
		return false
	}
	return true
}

// content is a message that is on its way.
type content struct {
	say  func(body string) event
	body strings.Builder
	left int
}

func (c *client) complete(ch uint16, pending map[uint16]*content) {
	if p := pending[ch]; p.left == 0 {
		delete(pending, ch)
		c.watch.add(p.say(p.body.String()))
	}
}

// okays are answers without fields of interest.
var okays = map[raw.ID]string{
	{Class: 10, Method: 51}: "connection-close-ok", {Class: 20, Method: 41}: "channel-close-ok", {Class: 40, Method: 11}: "exchange-declare-ok",
	{Class: 40, Method: 21}: "exchange-delete-ok", {Class: 40, Method: 31}: "bind-exchange-ok", {Class: 40, Method: 51}: "unbind-exchange-ok",
	{Class: 50, Method: 21}: "bind-ok", {Class: 50, Method: 51}: "unbind-ok", {Class: 60, Method: 11}: "qos-ok", {Class: 60, Method: 72}: "get-empty",
	{Class: 60, Method: 111}: "recover-ok", {Class: 85, Method: 11}: "confirm-select-ok", {Class: 90, Method: 11}: "tx-select-ok",
	{Class: 90, Method: 21}: "tx-commit-ok", {Class: 90, Method: 31}: "tx-rollback-ok",
}

// said is one method from the broker.
func (c *client) said(f raw.Frame, pending map[uint16]*content) {
	d := raw.Decoder{Rest: f.Payload[4:]}
	e := event{conn: c.index, ch: int(f.Channel)}
	name := func() string { return strings.TrimPrefix(d.ShortStr(), c.watch.prefix) }
	switch id := f.Method(); id {
	case raw.ChannelOpenOk:
		if f.Channel == control {
			c.asked <- "open"
		}
		return
	case raw.QueueDeclareOk:
		e.what = fmt.Sprintf("queue-declare-ok %s %d %d", name(), d.Long(), d.Long())
	case raw.QueueDeleteOk:
		e.what = fmt.Sprintf("queue-delete-ok %d", d.Long())
	case raw.ID{Class: 50, Method: 31}:
		e.what = fmt.Sprintf("purge-ok %d", d.Long())
	case raw.BasicConsumeOk:
		e.what = "consume-ok " + d.ShortStr()
	case raw.ID{Class: 60, Method: 31}:
		e.what = "cancel-ok " + d.ShortStr()
	case raw.BasicCancel:
		e.what = "cancel " + d.ShortStr()
	case raw.ChannelClose:
		closed, _ := f.ReadClose()
		e.what = fmt.Sprintf("channel-close %d %v", closed.Code, closed.Failing)
		c.method(e.ch, raw.ChannelCloseOk, nil)
	case raw.ConnectionClose:
		closed, _ := f.ReadClose()
		e.what = fmt.Sprintf("connection-close %d %v", closed.Code, closed.Failing)
		c.method(0, raw.ConnectionCloseOk, nil)
	case raw.BasicAck, raw.ID{Class: 60, Method: 120}:
		e.what = map[bool]string{true: "ack", false: "nack"}[id == raw.BasicAck]
		e.number, e.multiple = d.LongLong(), d.Octet()&1 != 0
	case raw.ID{Class: 60, Method: 50}:
		code := d.Short()
		d.ShortStr()
		exchange, key := name(), name()
		pending[f.Channel] = &content{say: func(body string) event {
			e.what = fmt.Sprintf("return %d %s %s %s", code, exchange, key, body)
			return e
		}}
		return
	case raw.BasicDeliver:
		r := &received{consumer: d.ShortStr()}
		e.what, e.number, r.redelivered, r.exchange, r.key, e.delivery = "deliver", d.LongLong(), d.Octet() != 0, name(), name(), r
		pending[f.Channel] = &content{say: func(body string) event { r.body = body; return e }}
		return
	case raw.BasicGetOk:
		tag, redelivered, exchange, key, left := d.LongLong(), d.Octet() != 0, name(), name(), d.Long()
		pending[f.Channel] = &content{say: func(body string) event {
			e.what = fmt.Sprintf("get-ok %d %v %s %s %d %s", tag, redelivered, exchange, key, left, body)
			return e
		}}
		return
	default:
		if e.what = okays[id]; e.what == "" {
			e.what = fmt.Sprintf("method %v", id)
		}
	}
	if f.Channel == control {
		c.asked <- e.what
		return
	}
	c.watch.add(e)
}
