package main

import (
	"errors"
	"fmt"
)

// delivery is what a scan keeps of a content: nothing that would have to be copied.
type delivery struct {
	tag uint64
	due int64 // 0: the body is too short for a stamp

	// Only for a scanner that checks:
	mark        mark  // 0: the body is too short for a mark
	queue       int32 // of a consumer tag that is a number
	redelivered bool
}

// handler is told about frames in their order.
type handler interface {
	delivered(delivery)
	settled(tag uint64, multiple, positive bool)
	returned()
	blocked(bool)
}

// scanner finds the frames in what a socket read brought, looking at the head of each only. Bytes of a frame that have not
// come yet are skipped by count, so a body of any size passes without being gathered.
type scanner struct {
	checks  bool // who published what is looked at as well
	skip    int  // bytes of the current frame still to come and of no interest
	pending bool // a deliver method was seen, its body was not
	current delivery
}

// headBytes is the most a scan has to see of a frame at once: the frame header and a method up to its delivery tag.
const headBytes = frameHeaderSize + 4 + 1 + 255 + 8 + 1

var (
	errFrame    = errors.New("broken frame")
	errGoodbye  = errors.New("the broker answered our close")
	errCanceled = errors.New("the broker cancelled the consumer")
)

// scan consumes buffer and returns how many bytes it is done with; the rest has to come again in front of what is read next.
func (s *scanner) scan(buffer []byte, h handler) (int, error) {
	at := min(s.skip, len(buffer))
	s.skip -= at
	for len(buffer)-at >= frameHeaderSize {
		rest := buffer[at:]
		size := int(bigEndian.Uint32(rest[3:]))
		whole := frameOverhead + size
		if len(rest) < whole && len(rest) < headBytes {
			break
		}
		if len(rest) >= whole && rest[whole-1] != frameEnd {
			return at, fmt.Errorf("%w: type %d of %d bytes ends with %#x", errFrame, rest[0], size, rest[whole-1])
		}
		if err := s.frame(rest[0], rest[frameHeaderSize:min(len(rest), frameHeaderSize+size)], h); err != nil {
			return at, err
		}
		at += whole
		if at > len(buffer) {
			s.skip = at - len(buffer)
			at = len(buffer)
		}
	}
	return at, nil
}

// frame gets the payload, of a long frame only its head.
func (s *scanner) frame(kind byte, payload []byte, h handler) error {
	switch kind {
	case frameMethod:
		return s.method(payload, h)
	case frameHeader:
		s.header(payload, h)
	case frameBody:
		s.body(payload, h)
	case frameHeartbeat:
	default:
		return fmt.Errorf("%w: type %d", errFrame, kind)
	}
	return nil
}

func (s *scanner) method(payload []byte, h handler) error {
	if len(payload) < 4 {
		return fmt.Errorf("%w: a method of %d bytes", errFrame, len(payload))
	}
	switch m := method(bigEndian.Uint32(payload)); m {
	case basicDeliver:
		tag := 5 + int(payload[4])
		if len(payload) < tag+9 {
			return fmt.Errorf("%w: a deliver method of %d bytes", errFrame, len(payload))
		}
		s.current = delivery{tag: bigEndian.Uint64(payload[tag:])}
		if s.checks {
			s.current.queue, s.current.redelivered = number(payload[5:tag]), payload[tag+8]&1 != 0
		}
		s.pending = true
	case basicAck, basicNack:
		h.settled(bigEndian.Uint64(payload[4:]), payload[12]&1 != 0, m == basicAck)
	case basicReturn:
		h.returned()
	case connectionBlocked, connectionBlocked + 1:
		h.blocked(m == connectionBlocked)
	case connectionClose, channelClose:
		return closeError(payload)
	case connectionCloseOk:
		return errGoodbye
	case basicCancel:
		return errCanceled
	}
	return nil
}

func (s *scanner) header(payload []byte, h handler) {
	if s.pending && len(payload) >= 12 && bigEndian.Uint64(payload[4:]) == 0 {
		s.pending = false
		h.delivered(s.current)
	}
}

// body reports the delivery at the first body frame; what follows of a long one only passes.
func (s *scanner) body(payload []byte, h handler) {
	if !s.pending {
		return
	}
	s.pending = false
	if len(payload) >= stampBytes {
		s.current.due = int64(bigEndian.Uint64(payload))
	}
	if s.checks && len(payload) >= markedBytes {
		s.current.mark = mark(bigEndian.Uint64(payload[stampBytes:]))
	}
	h.delivered(s.current)
}

// number reads decimal digits, which is all there is in a tag of those that consume from several queues.
func number(digits []byte) (n int32) {
	for _, d := range digits {
		n = 10*n + int32(d-'0')
	}
	return n
}
