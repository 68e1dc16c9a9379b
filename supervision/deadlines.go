package supervision

import (
	"container/heap"
	"time"
)

// deadlines are the children whose start or stop a supervisor waits for, the earliest first. One timer serves them all,
// and none is armed when nobody is waited for.
type deadlines struct {
	queue deadlineQueue
	timer *time.Timer
	armed time.Duration // when the timer fires; 0: it does not
	fire  func()        // in the timer's goroutine
}

func (d *deadlines) set(c *child, at time.Duration) {
	d.clear(c)
	heap.Push(&d.queue, deadline{c, at})
	d.arm()
}

func (d *deadlines) clear(c *child) {
	if c.slot < 0 {
		return
	}
	heap.Remove(&d.queue, int(c.slot))
	d.arm()
}

// due takes out a child whose time has come.
func (d *deadlines) due(now time.Duration) *child {
	if len(d.queue) == 0 || d.queue[0].at > now {
		d.arm()
		return nil
	}
	return heap.Pop(&d.queue).(deadline).c
}

// arm lets the timer fire for the earliest deadline. It is left alone when it fires too early: that costs one empty turn
// and spares thousands of starts a second the timer heap.
func (d *deadlines) arm() {
	switch {
	case len(d.queue) == 0:
		d.disarm()
	case d.armed == 0 || d.queue[0].at < d.armed:
		d.armed = d.queue[0].at
		if d.timer == nil {
			d.timer = time.AfterFunc(d.armed-sinceStart(), d.fire)
		} else {
			d.timer.Reset(d.armed - sinceStart())
		}
	}
}

// fired: the timer is not armed any more.
func (d *deadlines) fired() { d.armed = 0 }

func (d *deadlines) disarm() {
	if d.armed != 0 {
		d.timer.Stop()
		d.timer, d.armed = nil, 0 // a supervisor waits for nobody most of its life
	}
}

// deadline is when to have waited long enough for a child, as sinceStart counts.
type deadline struct {
	c  *child
	at time.Duration
}

// deadlineQueue is a container/heap of them.
type deadlineQueue []deadline

func (q deadlineQueue) Len() int           { return len(q) }
func (q deadlineQueue) Less(i, j int) bool { return q[i].at < q[j].at }
func (q deadlineQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].c.slot, q[j].c.slot = int32(i), int32(j)
}

func (q *deadlineQueue) Push(x any) {
	d := x.(deadline)
	d.c.slot = int32(len(*q))
	*q = append(*q, d)
}

func (q *deadlineQueue) Pop() any {
	old := *q
	d := old[len(old)-1]
	old[len(old)-1] = deadline{}
	*q = old[:len(old)-1]
	d.c.slot = -1
	return d
}
