package channel

import (
	"bytes"
	"math/rand/v2"
	"strings"
	"testing"

	"warren/protocol"
	"warren/protocol/amqp091"
)

func flat(f *Frames) []byte { return bytes.Join(f.Segments(), nil) }

func random(r *rand.Rand, n int) []byte {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(r.Uint32())
	}
	return b
}

func TestFramesAreTheFlatEncoding(t *testing.T) {
	// P-02, P-41: however bodies are handed to the socket, copied or where they are, the bytes are those of one encoding in
	// order, in frames the client can take.
	for _, frameMax := range []int{0, 8192, 131072} {
		r := rand.New(rand.NewPCG(uint64(frameMax), 1))
		f := &Frames{}
		var want []byte
		for i := range 60 {
			size := []int{0, 1, 100, largeBody - 1, largeBody, largeBody + 1, 8192 - 8, 8192 - 7, 40_000, 300_000}[r.IntN(10)]
			m := &protocol.Message{RoutingKey: strings.Repeat("k", r.IntN(256)), Properties: append([]byte{0, 0}, random(r, r.IntN(50_000))...), Body: random(r, size)}
			f.deliver(1, "tag", uint64(i), i%2 == 0, "exchange", m.RoutingKey)
			f.content(1, m, frameMax)
			want = amqp091.AppendDeliver(want, 1, "tag", uint64(i), i%2 == 0, "exchange", m.RoutingKey)
			want = amqp091.AppendContentHeader(want, 1, basicClass, uint64(size), m.Properties)
			want = amqp091.AppendBody(want, 1, m.Body, frameMax)
			if i%7 == 0 {
				huge := &amqp091.ConnectionStart{ServerProperties: amqp091.EncodeTable(protocol.Table{"long": strings.Repeat("x", r.IntN(50_000))}), Mechanisms: "PLAIN", Locales: "en_US"}
				f.Method(0, huge)
				want = amqp091.AppendMethod(want, 0, huge)
			}
			if f.Size() != len(want) {
				t.Fatalf("frame_max %d: size %d, want %d", frameMax, f.Size(), len(want))
			}
		}
		if !bytes.Equal(flat(f), want) {
			t.Fatalf("frame_max %d: the bytes differ", frameMax)
		}
		for b := want; frameMax > 0 && len(b) > 0; {
			frame, n, err := amqp091.ParseFrame(b, 0)
			if err != nil || frame.Type == amqp091.FrameBody && n > frameMax {
				t.Fatalf("frame_max %d: a frame of %d bytes, %v", frameMax, n, err)
			}
			b = b[n:]
		}
		f.Release()
	}
}

func TestLargeBodiesAreNotCopied(t *testing.T) {
	// Promise: bodies are shared and immutable from the parse on; large ones go to writev where they are (DESIGN section 4, cost).
	f := &Frames{}
	m := &protocol.Message{Properties: []byte{0, 0}, Body: make([]byte, largeBody)}
	f.content(1, m, 0)
	for _, s := range f.Segments() {
		if &s[0] == &m.Body[0] {
			return
		}
	}
	t.Fatal("the body was copied")
}

func TestReleaseGivesBuffersBackWhole(t *testing.T) {
	// Promise: buffers are recycled by the one owner who can prove that nobody aliases them: behind Release, once, with all
	// their room and nothing in them.
	f := &Frames{}
	for range 2000 {
		f.deliver(1, "tag", 1, false, strings.Repeat("x", 200), "key")
	}
	f.Segments()
	buffers := f.pooled
	if len(buffers) < 2 {
		t.Fatalf("%d buffers", len(buffers))
	}
	f.Release()
	for _, b := range buffers {
		if len(*b) != 0 || cap(*b) != bufferSize {
			t.Fatalf("buffer of %d/%d", len(*b), cap(*b))
		}
	}
	if f.Release(); f.pooled != nil || f.segments != nil {
		t.Fatal("still holds buffers")
	}
}
