package tree

import "warren/actors/queue"

// letGo returns what tells queues to let go of what they hold in memory: all that hold more than a little, or those that nothing
// came to and nothing left since the last time, which their counters say. So a queue that works never hears of it.
func (b *Broker) letGo() func(pressed bool) {
	type counters struct{ published, delivered int64 }
	last := map[*queue.Slot]counters{}
	return func(pressed bool) {
		now := map[*queue.Slot]counters{}
		for _, d := range b.vhosts.All() {
			for _, q := range d.AllQueues() {
				least := int64(queue.Little)
				if pressed && b.memory.Short() {
					least = 0
				}
				if q.Bytes.Load() <= least {
					continue
				}
				c := counters{q.Published.Load(), q.Delivered.Load()}
				before, known := last[q]
				idle := known && before == c
				if !pressed {
					now[q] = c
				}
				if pressed || idle {
					b.system.Send(q.PID(), &queue.LetGo{Idle: !pressed})
				}
			}
		}
		if !pressed {
			last = now
		}
	}
}
