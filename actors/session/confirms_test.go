package session

import "testing"

// publisher interprets acknowledgements as a client does: Multiple takes everything that is outstanding up to the tag.
type publisher struct {
	t           *testing.T
	outstanding map[uint64]bool
	frames      int
}

func newPublisher(t *testing.T, tags uint64) *publisher {
	p := &publisher{t: t, outstanding: map[uint64]bool{}}
	for tag := uint64(1); tag <= tags; tag++ {
		p.outstanding[tag] = true
	}
	return p
}

func (p *publisher) hear(confirms []Confirm, may map[uint64]bool) {
	for _, c := range confirms {
		p.frames++
		took := 0
		for tag := range p.outstanding {
			if tag == c.Tag || c.Multiple && tag < c.Tag {
				if !may[tag] {
					p.t.Fatalf("%s takes %d, which is not safe", sayConfirm(c), tag)
				}
				delete(p.outstanding, tag)
				took++
			}
		}
		if took == 0 {
			p.t.Fatalf("%s acknowledges nothing", sayConfirm(c))
		}
	}
}

func TestConfirmsAgainstASet(t *testing.T) {
	// P-40: every tag is acknowledged exactly once, as a client reads the frames, and none before it is safe.
	for seed := range uint64(300) {
		r := dice(seed)
		const tags = 200
		p, c, may := newPublisher(t, tags), Confirms{low: 1}, map[uint64]bool{}
		var pieces []tagRange
		for first := uint64(1); first <= tags; {
			last := min(tags, first+r.Uint64N(1+r.Uint64N(20)))
			pieces = append(pieces, tagRange{first, last})
			first = last + 1
		}
		if seed%3 > 0 {
			r.Shuffle(len(pieces), func(i, j int) { pieces[i], pieces[j] = pieces[j], pieces[i] })
		}
		for _, piece := range pieces {
			for tag := piece.first; tag <= piece.last; tag++ {
				may[tag] = true
			}
			p.hear(c.add(piece.first, piece.last), may)
		}
		if len(p.outstanding) > 0 || len(c.done) > 0 || c.low != tags+1 {
			t.Fatalf("seed %d: outstanding %v, state %+v", seed, p.outstanding, c)
		}
		if seed%3 == 0 && p.frames != len(pieces) {
			t.Fatalf("seed %d: %d frames for %d batches in order", seed, p.frames, len(pieces))
		}
	}
}

func TestConfirmsAreCumulativeWhereTheyCanBe(t *testing.T) {
	// Promise: acks to the client are cumulative where they can be (DESIGN section 4, routes and confirms).
	for _, c := range []struct {
		add  []tagRange
		want string
	}{
		{[]tagRange{{1, 1}}, "[ack 1]"},
		{[]tagRange{{1, 5}}, "[ack <=5]"},
		{[]tagRange{{3, 4}}, "[ack 3][ack 4]"},
		{[]tagRange{{3, 3}, {1, 2}}, "[ack <=3]"},
		{[]tagRange{{5, 5}, {3, 3}, {1, 2}}, "[ack <=3]"},
		{[]tagRange{{2, 2}, {4, 4}, {3, 3}}, "[ack 3]"},
		{[]tagRange{{2, 2}, {4, 4}, {3, 3}, {1, 1}}, "[ack <=4]"},
	} {
		s := Confirms{low: 1}
		got := ""
		for _, r := range c.add {
			got = ""
			for _, a := range s.add(r.first, r.last) {
				got += sayConfirm(a)
			}
		}
		if got != c.want {
			t.Errorf("%v: %s, want %s", c.add, got, c.want)
		}
	}
}
