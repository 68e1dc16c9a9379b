package flow

import (
	"bytes"
	"slices"
	"strings"
	"testing"
	"time"

	"warren/test/broker"
	"warren/test/raw"
)

// malformed is something no client may send on a running connection, where channel 1 is open.
type malformed struct {
	what    string
	send    [][]byte
	codes   []uint16 // one of them
	text    string   // how the reply text begins
	failing raw.ID
	// dies: RabbitMQ 3.10 has no answer, its process for the connection crashes or waits. We answer.
	dies bool
}

func frameOf(kind byte, channel uint16, payload []byte) []byte {
	return raw.Frame{Type: kind, Channel: channel, Payload: payload}.Encode()
}

func badEnd(frame []byte) []byte {
	frame = bytes.Clone(frame)
	frame[len(frame)-1] = 0
	return frame
}

func method(channel, class, id uint16, args raw.Fields) []byte {
	return raw.MethodFrame(channel, raw.ID{Class: class, Method: id}, args)
}

// nested is a table in a table, and so on, without its length.
func nested(depth int) raw.Fields {
	var inner raw.Fields
	for range depth {
		inner = raw.Fields{}.ShortStr("k").Octet('F').LongStr(string(inner))
	}
	return inner
}

func one(code uint16) []uint16 { return []uint16{code} }

const (
	notAMethod = "UNEXPECTED_FRAME - expected method frame, got non method frame instead"
	notAHeader = "UNEXPECTED_FRAME - expected content header for class 60, got non content header frame instead"
	notABody   = "UNEXPECTED_FRAME - expected content body, got non content body frame instead"
	inRunning  = "CHANNEL_ERROR - unexpected method in connection state running"
)

var (
	publishToNowhere = raw.MethodFrame(1, raw.BasicPublish, raw.Publish("", "nowhere"))
	immediate        = raw.MethodFrame(1, raw.BasicPublish, raw.Fields{}.Short(0).ShortStr("").ShortStr("q").Octet(2))
	headerOfClass50  = frameOf(raw.FrameHeader, 1, raw.Fields{}.Short(50).Short(0).LongLong(1).Short(0))
	shortProperties  = frameOf(raw.FrameHeader, 1, raw.Fields{}.Short(60).Short(0).LongLong(0).Short(1<<15).Octet(200))
	deliver          = raw.Fields{}.ShortStr("t").LongLong(1).Octet(0).ShortStr("").ShortStr("")
	brokenTable      = raw.Fields{}.Short(0).ShortStr("q").Octet(4).LongStr("\x01k?xxx")
	notUTF8          = raw.Fields{}.Short(0).ShortStr("\xff\xfe").Octet(4).Table()
)

// The texts are those of RabbitMQ 3.10.8, recorded from it.
var malformations = []malformed{
	{what: "P-02 bad frame end", send: [][]byte{badEnd(method(1, 20, 20, raw.Fields{}.Octet(1)))}, codes: one(501),
		text: "FRAME_ERROR - type 1, all octets = <<0,20,0,20,1>>: {invalid_frame_end_marker,0}"},
	{what: "P-02 unknown frame type", send: [][]byte{frameOf(7, 1, []byte("x"))}, codes: one(501), text: "FRAME_ERROR - type 7, all octets = "},
	{what: "P-02 frame above frame_max", send: [][]byte{frameOf(raw.FrameBody, 1, make([]byte, 131072+1))}, codes: one(501),
		text: "FRAME_ERROR - type 3, all octets = <<>>: {frame_too_large,131073,131064}"},
	{what: "P-02 heartbeat on a channel", send: [][]byte{frameOf(raw.FrameHeartbeat, 1, nil)}, codes: []uint16{501, 505}},
	{what: "P-30 unknown class", send: [][]byte{method(1, 99, 10, nil)}, codes: []uint16{501, 502, 503, 540}, dies: true},
	{what: "P-30 unknown method", send: [][]byte{method(1, 60, 99, nil)}, codes: []uint16{501, 502, 503, 540}, dies: true},
	{what: "P-02 method of two bytes", send: [][]byte{frameOf(raw.FrameMethod, 1, []byte{0, 60})}, codes: []uint16{501, 502}},
	{what: "P-02 arguments end early", send: [][]byte{method(1, 50, 10, raw.Fields{}.Short(0).Octet(200))}, codes: []uint16{501, 502}},
	{what: "P-19 unknown type in a table", send: [][]byte{method(1, 50, 10, brokenTable)}, codes: []uint16{501, 502}, dies: true},
	{what: "P-19 tables a thousand deep", send: [][]byte{method(1, 50, 10, raw.Fields{}.Short(0).ShortStr("q").Octet(4).LongStr(string(nested(1000))))}, codes: one(502), dies: true},
	{what: "P-26 name not UTF-8", send: [][]byte{method(1, 50, 10, notUTF8)}, codes: one(501)},
	{what: "P-23 header without a method", send: [][]byte{raw.ContentHeader(1, 1)}, codes: one(505), text: notAMethod},
	{what: "P-23 body without a method", send: [][]byte{raw.Body(1, []byte("x"))}, codes: one(505), text: notAMethod},
	{what: "P-23 method instead of a header", send: [][]byte{publishToNowhere, publishToNowhere}, codes: one(505), text: notAHeader, failing: raw.BasicPublish},
	{what: "P-23 body instead of a header", send: [][]byte{publishToNowhere, raw.Body(1, []byte("x"))}, codes: one(505), text: notAHeader, failing: raw.BasicPublish},
	{what: "P-23 method instead of a body", send: [][]byte{publishToNowhere, raw.ContentHeader(1, 10), publishToNowhere}, codes: one(505), text: notABody, failing: raw.BasicPublish},
	{what: "P-23 header instead of a body", send: [][]byte{publishToNowhere, raw.ContentHeader(1, 10), raw.ContentHeader(1, 10)}, codes: one(505), text: notABody, failing: raw.BasicPublish},
	{what: "P-23 header of another class", send: [][]byte{publishToNowhere, headerOfClass50}, codes: one(505),
		text: "UNEXPECTED_FRAME - expected content header for class 60, got one for class 50 instead", failing: raw.BasicPublish},
	{what: "P-02 more body than announced", send: [][]byte{publishToNowhere, raw.ContentHeader(1, 1), raw.Body(1, []byte("xy"))}, codes: []uint16{501, 505}, dies: true},
	{what: "P-25 body size beyond 512 MiB", send: [][]byte{publishToNowhere, raw.ContentHeader(1, 512<<20+1)}, codes: one(501), dies: true},
	{what: "P-02 properties end early", send: [][]byte{publishToNowhere, shortProperties}, codes: []uint16{501, 502}, dies: true},
	{what: "P-23 channel not open", send: [][]byte{raw.Message(2, "", "nowhere", nil)}, codes: one(504), text: "CHANNEL_ERROR - expected 'channel.open'", failing: raw.BasicPublish},
	{what: "P-23 second channel.open", send: [][]byte{method(1, 20, 10, raw.Fields{}.ShortStr(""))}, codes: one(504), text: "CHANNEL_ERROR - second 'channel.open' seen", failing: raw.ChannelOpen},
	{what: "P-23 channel method on channel 0", send: [][]byte{raw.MethodFrame(0, raw.BasicPublish, raw.Publish("", "nowhere"))}, codes: one(504), text: inRunning, failing: raw.BasicPublish},
	{what: "P-23 channel.open on channel 0", send: [][]byte{method(0, 20, 10, raw.Fields{}.ShortStr(""))}, codes: one(504), text: inRunning, failing: raw.ChannelOpen},
	{what: "P-30 connection method on a channel", send: [][]byte{method(1, 10, 40, raw.OpenVhost("/"))}, codes: one(503), text: "COMMAND_INVALID - unimplemented method", failing: raw.ConnectionOpen},
	{what: "P-12 connection.open again", send: [][]byte{method(0, 10, 40, raw.OpenVhost("/"))}, codes: one(504), text: inRunning, failing: raw.ConnectionOpen},
	{what: "P-30 server's method", send: [][]byte{method(1, 60, 60, deliver)}, codes: []uint16{503, 505, 540}, dies: true},
	{what: "P-28 channel.flow stop", send: [][]byte{method(1, 20, 20, raw.Fields{}.Octet(0))}, codes: one(540), text: "NOT_IMPLEMENTED - active=false", failing: raw.ChannelFlow},
	{what: "P-34 immediate", send: [][]byte{immediate, raw.ContentHeader(1, 0)}, codes: one(540), text: "NOT_IMPLEMENTED - immediate=true", failing: raw.BasicPublish},
	{what: "P-46 prefetch_size", send: [][]byte{method(1, 60, 10, raw.Fields{}.Long(1).Short(0).Octet(0))}, codes: one(540), text: "NOT_IMPLEMENTED - prefetch_size!=0 (1)", failing: raw.ID{Class: 60, Method: 10}},
	{what: "P-51 recover without requeue", send: [][]byte{method(1, 60, 110, raw.Fields{}.Octet(0))}, codes: one(540), text: "NOT_IMPLEMENTED - requeue=false", failing: raw.ID{Class: 60, Method: 110}},
}

// P-20, P-21: hard errors close the connection they are on, with the code, text and method of the contract, and nothing else.
func TestMalformedFramesCloseTheConnection(t *testing.T) {
	b := broker.Shared(t)
	bystander := connect(t)
	nothingLeftBehind(t, b, func() {
		for _, row := range malformations {
			t.Run(row.what, func(t *testing.T) {
				if row.dies && !b.Own() {
					t.Skip("RabbitMQ 3.10 has no answer to this")
				}
				c := raw.Open(t, b.Addr)
				c.OpenChannel(1)
				c.Send(row.send...)
				row.check(t, c.ExpectClose())
				c.Method(0, raw.ConnectionCloseOk, nil)
				if after := c.ExpectEOF(raw.Limit); len(after) > 0 {
					t.Errorf("after close-ok came % x", after)
				}
			})
		}
		alive(t, bystander)
	})
}

func (m malformed) check(t *testing.T, got raw.Close) {
	t.Helper()
	if got.Channel != 0 {
		t.Errorf("closed channel %d, not the connection: %+v", got.Channel, got)
	}
	if !slices.Contains(m.codes, got.Code) || !strings.HasPrefix(got.Text, m.text) {
		t.Errorf("got  %d %q\nwant %v %q...", got.Code, got.Text, m.codes, m.text)
	}
	if m.text != "" && got.Failing != m.failing {
		t.Errorf("failing method %v, not %v", got.Failing, m.failing)
	}
}

// P-13: whoever never answers a close does not keep the connection.
func TestP13_FramesAfterACloseAreIgnored(t *testing.T) {
	c := raw.Open(t, broker.Shared(t).Addr)
	c.OpenChannel(1)
	c.Send(raw.ContentHeader(1, 1))
	c.ExpectClose()
	c.Send(raw.MethodFrame(1, raw.QueueDeclare, raw.Fields{}.Short(0).ShortStr("").Octet(4).Table()), publishToNowhere)
	c.Method(0, raw.ConnectionCloseOk, nil)
	if after := c.ExpectEOF(raw.Limit); len(after) > 0 {
		t.Fatalf("after the close came % x", after)
	}
}

// P-23: no more channels than negotiated.
func TestP23_ChannelMax(t *testing.T) {
	c, tuning := raw.Tune(t, broker.Shared(t).Addr)
	tuning.ChannelMax, tuning.Heartbeat = 2, 0
	c.Method(0, raw.ConnectionTuneOk, raw.TuneOk(tuning))
	c.Call(0, raw.ConnectionOpen, raw.OpenVhost("/"), raw.ConnectionOpenOk)
	c.OpenChannel(1)
	c.OpenChannel(2)
	c.Method(3, raw.ChannelOpen, raw.Fields{}.ShortStr(""))
	closed := c.ExpectClose()
	want := raw.Close{Code: 530, Text: "NOT_ALLOWED - number of channels opened (2) has reached the negotiated channel_max (2)", Failing: closed.Failing}
	if closed != want {
		t.Fatalf("got %+v", closed)
	}
}

// nothingLeftBehind runs body and waits until the supervision tree has no more actors than before it.
func nothingLeftBehind(t *testing.T, b *broker.Broker, body func()) {
	t.Helper()
	if !b.Own() {
		body()
		return
	}
	paths := func() map[string]bool {
		all := map[string]bool{}
		for _, a := range b.Actors(t) {
			all[a.Path] = true
		}
		return all
	}
	before := paths()
	body()
	broker.Eventually(t, 10*time.Second, "every actor of the closed connections is gone", func() (bool, any) {
		var left []string
		for path := range paths() {
			if !before[path] {
				left = append(left, path)
			}
		}
		return len(left) == 0, left
	})
}
