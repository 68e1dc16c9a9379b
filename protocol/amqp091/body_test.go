package amqp091

import (
	"bytes"
	"testing"
)

// Contract P-02: a body is split into frames of at most frame_max bytes; an empty one has no frame. The form for writev
// gives the same bytes.
func TestBody(t *testing.T) {
	body := []byte("0123456789abcdefghij")
	for n := range len(body) + 1 {
		for _, frameMax := range []int{0, 9, 10, 12, 18, 28, 29, 100} {
			flat := AppendBody(nil, 300, body[:n], frameMax)
			if got := BodySize(n, frameMax); got != len(flat) {
				t.Errorf("%d bytes, frame_max %d: BodySize %d, written %d", n, frameMax, got, len(flat))
			}
			var joined []byte
			for rest := flat; len(rest) > 0; {
				f, took, err := ParseFrame(rest, 0)
				if err != nil || f.Type != FrameBody || f.Channel != 300 || len(f.Payload) == 0 || frameMax > 0 && took > frameMax {
					t.Fatalf("%d bytes, frame_max %d: %+v, %d, %v", n, frameMax, f, took, err)
				}
				joined = append(joined, f.Payload...)
				rest = rest[took:]
			}
			if !bytes.Equal(joined, body[:n]) {
				t.Errorf("%d bytes, frame_max %d: %q", n, frameMax, joined)
			}
			var vectors []byte
			for head, part := range BodyFrames(300, body[:n], frameMax) {
				vectors = append(append(append(vectors, head[:]...), part...), FrameEnd)
			}
			if !bytes.Equal(vectors, flat) {
				t.Errorf("%d bytes, frame_max %d: BodyFrames differs", n, frameMax)
			}
		}
	}
	for range BodyFrames(1, body, 10) {
		break // stopping early is fine
	}
}
