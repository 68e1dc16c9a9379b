package flow

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"testing"

	amqp "github.com/rabbitmq/amqp091-go"

	"warren/test/broker"
	"warren/test/raw"
)

const maxMessageSize = 16 << 20

// randomBody is incompressible and the same for the same seed.
func randomBody(seed uint64, size int) []byte {
	body := make([]byte, size)
	_, _ = rand.NewChaCha8([32]byte{byte(seed), byte(seed >> 8)}).Read(body)
	return body
}

// P-25: exactly max_message_size passes; so does the empty body, and every size around a frame's.
func TestP25_SizesPassWhole(t *testing.T) {
	if broker.Shared(t).Own() == false {
		t.Log("the other broker's max_message_size must be 16777216")
	}
	ch := channel(t)
	q := queue(t, ch, "q")
	const frame = 131072 - 8
	for _, size := range []int{0, 1, frame - 1, frame, frame + 1, 2 * frame, 3*frame + 17, maxMessageSize} {
		body := randomBody(uint64(size), size)
		must(t, ch.Publish("", q, false, false, amqp.Publishing{Body: body}))
		if got := get(t, ch, q); got != string(body) {
			t.Fatalf("a body of %d bytes came back as %d others", size, len(got))
		}
	}
}

// P-25: one byte more closes the channel, and only the channel.
func TestP25_TooLargeClosesTheChannel(t *testing.T) {
	c := connect(t)
	ch := channelOn(t, c)
	q := queue(t, ch, "q")
	e := closes(t, ch, func() {
		must(t, ch.Publish("", q, false, false, amqp.Publishing{Body: make([]byte, maxMessageSize+1)}))
	})
	want := "PRECONDITION_FAILED - message size 16777217 is larger than configured max size 16777216"
	if !isModern(t) {
		want = e.Reason // 3.10 says "... larger than max size"
	}
	if e.Code != 406 || e.Reason != want {
		t.Fatalf("got %d %s", e.Code, e.Reason)
	}
	alive(t, c)
}

// P-25: what a connection began it can always finish: 200 bodies in the making at once, more than any slab holds.
func TestTwoHundredChannelsWithHalfSentBodies(t *testing.T) {
	const channels, half = 200, 60_000
	c := raw.Open(t, broker.Shared(t).Addr)
	c.OpenChannel(1)
	q := c.DeclareQueue(1, name(t, "q"))
	for ch := uint16(2); ch < 2+channels; ch++ {
		c.OpenChannel(ch)
	}
	bodies := map[string]bool{}
	parts := func(ch uint16) (first, second []byte) {
		body := randomBody(uint64(ch), 2*half)
		return body[:half], body[half:]
	}
	for ch := uint16(2); ch < 2+channels; ch++ {
		first, second := parts(ch)
		bodies[string(first)+string(second)] = true
		c.Send(raw.MethodFrame(ch, raw.BasicPublish, raw.Publish("", q)), raw.ContentHeader(ch, 2*half), raw.Body(ch, first))
	}
	// While all are half-way, the connection still serves others.
	c.Send(raw.Message(1, "", q, []byte("between")))
	if got := getRaw(t, c, 1, q); string(got) != "between" {
		t.Fatalf("got %d bytes", len(got))
	}
	for ch := uint16(2); ch < 2+channels; ch++ {
		_, second := parts(ch)
		c.Send(raw.Body(ch, second))
		// A channel's publish is only sure to be there for methods of the same channel.
		c.Call(ch, raw.ChannelClose, raw.Fields{}.Short(200).ShortStr("").Short(0).Short(0), raw.ChannelCloseOk)
	}
	for range channels {
		body := string(getRaw(t, c, 1, q))
		if !bodies[body] {
			t.Fatalf("a body of %d bytes that nobody sent, or one twice", len(body))
		}
		delete(bodies, body)
	}
	c.Goodbye()
}

// getRaw takes a message by basic.get without ack.
func getRaw(t testing.TB, c *raw.Conn, ch uint16, queue string) []byte {
	t.Helper()
	c.Call(ch, raw.BasicGet, raw.Fields{}.Short(0).ShortStr(queue).Octet(1), raw.BasicGetOk)
	return readContent(t, c)
}

func readContent(t testing.TB, c *raw.Conn) []byte {
	t.Helper()
	header, err := c.Read()
	must(t, err)
	d := raw.Decoder{Rest: header.Payload}
	d.Short()
	d.Short()
	size := int(d.LongLong())
	var body bytes.Buffer
	for body.Len() < size {
		f, err := c.Read()
		must(t, err)
		if f.Type != raw.FrameBody {
			t.Fatal(fmt.Errorf("%v instead of a body", f))
		}
		body.Write(f.Payload)
	}
	return body.Bytes()
}
