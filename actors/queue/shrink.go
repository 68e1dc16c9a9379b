package queue

import "warren/actors/queue/ready"

// openMost is how many pages of the index may have become large again before it is made small once more.
const openMost = 64

// shrink makes the index of what is on disk alone small: packed in memory, and what is not next to go on disk as well. A scratch file that
// takes nothing, since there is none or the disk is full, costs memory and nothing else; it is asked again the next time.
func (q *Queue) shrink() {
	q.paging.opened = q.state.Opened()
	if pages := q.state.Packable(q.Sizes); len(pages) > 0 {
		q.happen(&ready.Packed{Pages: pages})
	}
	if !q.Cold.Takes() {
		return
	}
	e := &ready.Chilled{}
	for _, d := range q.state.Chillable(q.Sizes) {
		if c := q.chill(d); c != nil {
			e.Chapters = append(e.Chapters, c)
		}
	}
	if len(e.Chapters) > 0 {
		q.happen(e)
	}
}

// chill writes a chapter of the index; nil when that is not to be.
func (q *Queue) chill(d ready.Draft) *ready.Chapter {
	page, err := q.Cold.Put(d.Text)
	if err != nil {
		return nil
	}
	return d.Written(page)
}
