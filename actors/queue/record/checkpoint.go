package record

import (
	"fmt"

	"google.golang.org/protobuf/encoding/protowire"

	"warren/actors/queue/ready"
)

// AppendRanges writes MessagesSettled or MessagesDelivered.
func AppendRanges(dst []byte, ranges []ready.Interval) []byte {
	return appendRanges(dst, 1, ranges)
}

func appendRanges(dst []byte, field protowire.Number, ranges []ready.Interval) []byte {
	for _, r := range ranges {
		dst = protowire.AppendTag(dst, field, protowire.BytesType)
		dst = protowire.AppendVarint(dst, uint64(sizeUint(1, r.First)+sizeUint(2, r.N)))
		dst = appendUint(dst, 1, r.First)
		dst = appendUint(dst, 2, r.N)
	}
	return dst
}

// ParseRanges reads what AppendRanges wrote.
func ParseRanges(b []byte) ([]ready.Interval, error) {
	var out []ready.Interval
	err := fields(b, func(_ protowire.Number, _ uint64, text []byte) error {
		r, err := parseRange(text)
		out = append(out, r)
		return err
	})
	return out, err
}

func parseRange(b []byte) (r ready.Interval, err error) {
	err = fields(b, func(field protowire.Number, v uint64, _ []byte) error {
		switch field {
		case 1:
			r.First = v
		case 2:
			r.N = v
		}
		return nil
	})
	if err == nil && r.First+r.N < r.First {
		err = fmt.Errorf("range %d, %d", r.First, r.N)
	}
	return r, err
}

// AppendCheckpoint writes a checkpoint: it stands for every Settled and Delivered record before it.
func AppendCheckpoint(dst []byte, s ready.Summary) []byte {
	settled, lowest := s.Settled, uint64(0)
	if len(settled) > 0 && settled[0].First == 0 {
		settled, lowest = settled[1:], settled[0].N
	}
	if len(s.Next) > 0 {
		dst = appendUint(dst, 1, s.Next[0])
	}
	dst = appendUint(dst, 2, lowest)
	dst = appendRanges(dst, 3, settled)
	dst = appendRanges(dst, 4, s.Delivered)
	if len(s.Next) > 1 {
		var packed []byte
		for _, next := range s.Next[1:] {
			packed = protowire.AppendVarint(packed, next)
		}
		dst = appendText(dst, 5, packed)
	}
	for i := 0; i < len(s.Dead); { // those of one reason are in a row
		n := i + 1
		for n < len(s.Dead) && s.Dead[n].Reason == s.Dead[i].Reason {
			n++
		}
		dst = appendText(dst, 6, AppendDead(nil, s.Dead[i].Reason, intervalsOf(s.Dead[i:n])))
		i = n
	}
	return dst
}

func intervalsOf(dead []ready.Dead) []ready.Interval {
	out := make([]ready.Interval, len(dead))
	for i := range dead {
		out[i] = dead[i].Interval
	}
	return out
}

// AppendDead writes MessagesDied.
func AppendDead(dst []byte, why ready.Reason, ranges []ready.Interval) []byte {
	return appendUint(appendRanges(dst, 1, ranges), 2, uint64(why))
}

// ParseDead reads what AppendDead wrote.
func ParseDead(b []byte) (out []ready.Dead, err error) {
	why := uint64(0)
	err = fields(b, func(field protowire.Number, v uint64, text []byte) error {
		switch field {
		case 1:
			r, err := parseRange(text)
			out = append(out, ready.Dead{Interval: r})
			return err
		case 2:
			why = v
		}
		return nil
	})
	if err == nil && (why > 255 || !ready.Reason(why).Valid()) {
		err = fmt.Errorf("reason %d", why)
	}
	for i := range out {
		out[i].Reason = ready.Reason(why)
	}
	return out, err
}

// ParseCheckpoint reads one: all of a summary but Made and Live.
func ParseCheckpoint(b []byte) (s ready.Summary, err error) {
	s.Next = []uint64{0}
	err = fields(b, func(field protowire.Number, v uint64, text []byte) error {
		switch field {
		case 1:
			s.Next[0] = v
		case 2:
			s.Settled = append(s.Settled, ready.Interval{N: v})
		case 3, 4:
			r, err := parseRange(text)
			if err != nil {
				return err
			}
			if field == 3 {
				s.Settled = append(s.Settled, r)
			} else {
				s.Delivered = append(s.Delivered, r)
			}
		case 5:
			for len(text) > 0 {
				next, n := protowire.ConsumeVarint(text)
				if n < 0 {
					return protowire.ParseError(n)
				}
				s.Next, text = append(s.Next, next), text[n:]
			}
		case 6:
			dead, err := ParseDead(text)
			s.Dead = append(s.Dead, dead...)
			return err
		}
		return nil
	})
	return s, err
}
