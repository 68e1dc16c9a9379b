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
	armed time.Time // when the timer fires; zero: it does not
	fire  func()    // in the timer's goroutine
}

func (d *deadlines) set(c *child, at time.Time) {
	d.clear(c)
	c.deadline = at
	heap.Push(&d.queue, c)
	d.arm()
}

func (d *deadlines) clear(c *child) {
	if c.slot < 0 {
		return
	}
	heap.Remove(&d.queue, c.slot)
	d.arm()
}

// due takes out a child whose time has come.
func (d *deadlines) due(now time.Time) *child {
	if len(d.queue) == 0 || d.queue[0].deadline.After(now) {
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
	case d.armed.IsZero() || d.queue[0].deadline.Before(d.armed):
		d.armed = d.queue[0].deadline
		if d.timer == nil {
			d.timer = time.AfterFunc(time.Until(d.armed), d.fire)
		} else {
			d.timer.Reset(time.Until(d.armed))
		}
	}
}

// fired: the timer is not armed any more.
func (d *deadlines) fired() { d.armed = time.Time{} }

func (d *deadlines) disarm() {
	if !d.armed.IsZero() {
		d.timer.Stop()
		d.armed = time.Time{}
	}
}

// deadlineQueue is a container/heap of children by deadline.
type deadlineQueue []*child

func (q deadlineQueue) Len() int           { return len(q) }
func (q deadlineQueue) Less(i, j int) bool { return q[i].deadline.Before(q[j].deadline) }
func (q deadlineQueue) Swap(i, j int) {
	q[i], q[j] = q[j], q[i]
	q[i].slot, q[j].slot = i, j
}

func (q *deadlineQueue) Push(x any) {
	c := x.(*child)
	c.slot = len(*q)
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
