package amqp091

import (
	"iter"
)

// AppendBody writes a body as frames of at most frameMax bytes each, 0 for no limit. An empty body has no frame.
func AppendBody(dst []byte, channel uint16, body []byte, frameMax int) []byte {
	size := chunkSize(len(body), frameMax)
	for len(body) > 0 {
		n := min(size, len(body))
		dst = AppendFrameHeader(dst, FrameBody, channel, n)
		dst = append(dst, body[:n]...)
		dst = append(dst, FrameEnd)
		body = body[n:]
	}
	return dst
}

// BodyFrames is AppendBody without the copy: it yields each frame's header and its part of the body, for a writer that
// hands large bodies to writev. The caller puts FrameEnd behind each part. It does not allocate:
//
//	for head, part := range BodyFrames(channel, body, frameMax) {
//		small = append(small, head[:]...) // small ends here: one vector
//		...                               // part: the next
//		small = append(small, FrameEnd)   // begins the one after that
//	}
func BodyFrames(channel uint16, body []byte, frameMax int) iter.Seq2[[FrameHeaderSize]byte, []byte] {
	return func(yield func([FrameHeaderSize]byte, []byte) bool) {
		size := chunkSize(len(body), frameMax)
		for rest := body; len(rest) > 0; {
			n := min(size, len(rest))
			head := [FrameHeaderSize]byte{
				FrameBody, byte(channel >> 8), byte(channel), byte(n >> 24), byte(n >> 16), byte(n >> 8), byte(n),
			}
			if !yield(head, rest[:n:n]) {
				return
			}
			rest = rest[n:]
		}
	}
}

// BodySize is how many bytes AppendBody adds for a body of n bytes.
func BodySize(n, frameMax int) int {
	if n == 0 {
		return 0
	}
	size := chunkSize(n, frameMax)
	return n + (n+size-1)/size*FrameOverhead
}

// chunkSize is how much of a body one frame takes. A frame_max below the protocol's own minimum cannot have been
// negotiated.
func chunkSize(n, frameMax int) int {
	if frameMax == 0 {
		return max(n, 1)
	}
	if frameMax <= FrameOverhead {
		panic("amqp091: frame_max leaves no room for a payload")
	}
	return frameMax - FrameOverhead
}
