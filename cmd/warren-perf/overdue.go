package main

// overdue counts what a paced run was still waiting for when it ended at now, each with the time that it had waited: the least its latency
// would have been. Without it a broker that stalls until the end of a run would have the latencies of the time before.
func (r *run) overdue(now int64) {
	if r.options.rate == 0 {
		return
	}
	m := r.meter
	waits := func(took int64) { m.delivery.RecordValue(max(took, 1)) }
	undelivered := r.undelivered()
	for _, p := range m.producers {
		sent, due := p.published.Load(), p.due(now)
		beat := p.beat()
		for i := sent; i < due; i++ {
			m.unsent++
			if len(m.consumers) > 0 {
				waits(now - beat.due(i))
			}
			if p.window != nil {
				m.confirm.RecordValue(max(now-beat.due(i), 1))
			}
		}
		if p.window != nil {
			p.window.waiting(now, func(took int64) { m.confirm.RecordValue(max(took, 1)) })
		}
		// A queue is in order, so what is missing are the newest.
		for i := max(0, sent-undelivered/int64(len(m.producers))); i < sent; i++ {
			waits(now - beat.due(i))
		}
	}
}

// undelivered is how many messages were sent and not received, where the topology tells: each goes to one queue that has a consumer.
func (r *run) undelivered() int64 {
	oneQueue := r.topology.exchange == "" || len(r.topology.queues) == 1
	if !oneQueue || len(r.meter.consumers) < len(r.topology.queues) {
		return 0
	}
	return max(0, r.expected()-r.meter.received())
}
