package ready

import "slices"

// Candidates are the consumers that may get messages now, in order of their turn: those of a higher priority in front
// (contract P-45), and on a queue with a single active consumer that one alone. The caller must not change them.
func (s *State) Candidates() []*Consumer {
	if len(s.order) > 1 && s.order[0].Single {
		return s.order[:1]
	}
	return s.order
}

// Active says whether a consumer is one that messages may go to: any, or the one in front where there is to be a single one.
func (s *State) Active(c *Consumer) bool { return !c.Single || len(s.order) > 0 && s.order[0] == c }

// Sharing is how many consumers share a limit with others of their session.
func (s *State) Sharing() int { return int(s.sharing) }

func (s *State) share(c *Consumer, on bool) {
	switch {
	case on && !c.Shared:
		s.sharing++
	case !on && c.Shared:
		s.sharing--
	}
	c.Shared = on
}

// enter puts a consumer behind those of its priority. Where there is a single active consumer it stays in front of all, also of
// those with a higher priority that come after it, as on RabbitMQ's classic queues; who is next behind it follows when it goes.
func (s *State) enter(c *Consumer) {
	front := 0
	if c.Single {
		front = min(1, len(s.order))
	}
	at := len(s.order)
	for at > front && s.order[at-1].Priority < c.Priority {
		at--
	}
	s.order = slices.Insert(s.order, at, c)
}

// yieldTurn puts the consumer behind the others of its priority: round robin (RabbitMQ, consumers guide).
func (s *State) yieldTurn(c *Consumer) {
	at := slices.Index(s.order, c)
	if at < 0 || c.Single {
		return
	}
	last := len(s.order) - 1
	for s.order[last].Priority < c.Priority {
		last--
	}
	copy(s.order[at:last], s.order[at+1:last+1])
	s.order[last] = c
}
