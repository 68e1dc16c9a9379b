package ready

import "slices"

// apart is what goes another way than from a publisher to a consumer. Few queues ever have any of it.
type apart struct {
	dead       []Dead             // to be dead-lettered, in order
	dying      uint64             // messages of those, and of what their consumer has
	died       [reasons]intervals // of those that are stored, and in no record yet
	undertaker Key                // of the consumer that publishes dead letters
	schedule   schedule
	spool      spool
	refused    map[Link]*intervals
}

// straight is for queues of which everything goes the one way. All of them share it, and nobody writes to it.
var straight = &apart{}

// own is for whoever has something to enter.
func (s *State) own() *apart {
	if s.apart == straight {
		s.apart = &apart{}
	}
	return s.apart
}

func (a *apart) clone() *apart {
	if a == straight {
		return a
	}
	c := *a
	c.dead = slices.Clone(a.dead)
	for i := range a.died {
		c.died[i] = a.died[i].clone()
	}
	c.schedule = a.schedule.clone()
	c.spool = a.spool.clone()
	c.refused = cloneRefused(a.refused)
	return &c
}
