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
	c.deadline = at
	heap.Push(&d.queue, c)
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
	if len(d.queue) == 0 || d.queue[0].deadline > now {
		d.arm()
		return nil
	}
	return heap.Pop(&d.queue).(*child)
}

// arm lets the timer fire for the earliest deadline. It is left alone when it fires too early: that costs one empty turn
// and spares thousands of starts a second the timer heap.
func (d *deadlines) arm() {
	switch {
	case len(d.queue) == 0:
		d.disarm()
	case d.armed == 0 || d.queue[0].deadline < d.armed:
		d.armed = d.queue[0].deadline
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

// deadlineQueue is a container/heap of children by deadline.
type deadlineQueue []*child

func (q deadlineQueue) Len() int           { return len(q) }
func (q deadlineQueue) Less(i, j int) bool { return q[i].deadline < q[j].deadline }
func (q deadlineQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].slot, q[j].slot = int32(i), int32(j)
}

func (q *deadlineQueue) Push(x any) {
	c := x.(*child)
	c.slot = int32(len(*q))
	*q = append(*q, c)
}

func (q *deadlineQueue) Pop() any {
	old := *q
	c := old[len(old)-1]
	old[len(old)-1] = nil
	*q = old[:len(old)-1]
	c.slot = -1
	return c
}
