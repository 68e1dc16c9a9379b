package ready

import "warren/internal/columns"

// Summary stands for every record of settled and delivered messages up to Made.
type Summary struct {
	Made uint64
	Next []uint64 // indexes of the next messages, by level
	// Settled are indexes that no message that lives has, of all that were ever given but for what comes behind Next.
	Settled []Interval
	// Delivered were with a consumer once.
	Delivered []Interval
	// Dead are to be dead-lettered.
	Dead []Dead
	// Live are the records whose messages are not all settled.
	Live columns.Runs
}

// Summarize says what a checkpoint holds. Nothing may be unsaved.
func (s *State) Summarize() Summary {
	sum := Summary{Made: s.saving.made}
	var live columns.Strands
	var open, delivered intervals // not settled; of those, delivered once
	for _, c := range s.consumers {
		for _, r := range c.runs {
			open.put(Interval{r.First, r.N})
			if r.Reason == Consumed {
				delivered.put(Interval{r.First, r.N})
			}
		}
	}
	for why := Rejected; why < reasons; why++ {
		for _, in := range s.deadOf(why) {
			open.put(in)
			sum.Dead = append(sum.Dead, Dead{in, why})
		}
	}
	for _, in := range s.held() {
		open.put(in)
	}
	for i := range s.lines {
		l := &s.lines[i]
		for _, in := range l.returned.runs {
			open.put(in)
			delivered.put(in)
		}
		for _, in := range l.fresh.runs {
			delivered.remove(in)
		}
		if l.next > l.cursor {
			open.put(Interval{l.cursor, l.next - l.cursor})
		}
		sum.Next = append(sum.Next, l.next)
		l.extents.each(0, func(e *extent) bool {
			if e.live > 0 && e.record != 0 {
				live.Add(e.record)
			}
			return true
		})
	}
	sum.Live = live.Runs()
	for i := range s.lines {
		at := Level(i).first()
		for len(open.runs) > 0 && LevelOf(open.runs[0].First) == Level(i) {
			in := open.runs[0]
			sum.settled(at, in.First)
			at = in.end()
			open.runs = open.runs[1:]
		}
		sum.settled(at, s.lines[i].next)
	}
	sum.Delivered = delivered.runs
	return sum
}

func (sum *Summary) settled(from, to uint64) {
	if to > from {
		sum.Settled = append(sum.Settled, Interval{from, to - from})
	}
}
