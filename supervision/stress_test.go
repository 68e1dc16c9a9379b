package supervision

import (
	"fmt"
	"math/rand/v2"
	"runtime"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/asynkron/protoactor-go/actor"
	"github.com/rs/zerolog"
)

// relay is a token that goes from actor to actor until it has made its hops, or its actor dies under it.
type relay struct{ hops int }

// heavy is one that others overtake.
type heavy struct{ relay }

func (*heavy) Bulk() {}

// mess is what goes wrong in a turn on order.
type mess int

const (
	panics mess = iota
	exits
	lasts // so long that the others are relieved
	waits // as for the disk
	messes
)

// crowd is actors that send tokens to each other.
type crowd struct {
	*System
	pids []*actor.PID
	left atomic.Int64 // tokens under way
	all  chan struct{}
}

type member struct {
	*crowd
	lot *rand.Rand
}

func (m *member) Receive(ctx actor.Context) {
	switch x := ctx.Message().(type) {
	case *relay:
		m.pass(ctx, x, x)
	case *heavy:
		m.pass(ctx, &x.relay, x)
	case mess:
		switch x {
		case panics:
			panic("a mess")
		case exits:
			runtime.Goexit()
		case lasts:
			time.Sleep(3 * dispatcherRelief)
		case waits:
			m.Await(func() { time.Sleep(2 * dispatcherRelief) })
		}
	}
}

func (m *member) pass(ctx actor.Context, token *relay, message any) {
	if token.hops--; token.hops < 0 {
		m.over()
		return
	}
	ctx.Send(m.pids[m.lot.IntN(len(m.pids))], message)
}

func (c *crowd) over() {
	if c.left.Add(-1) == 0 {
		close(c.all)
	}
}

func newCrowd(t *testing.T, members int) *crowd {
	c := &crowd{all: make(chan struct{})}
	var children []ChildSpec
	for i := range members {
		children = append(children, ChildSpec{
			ID: fmt.Sprint(i), Restart: Permanent, Blocks: i%8 == 0,
			New: func(n uint64) actor.Actor { return &member{crowd: c, lot: rand.New(rand.NewPCG(uint64(i), n))} },
		})
	}
	c.System = boot(t, Spec{Strategy: OneForOne, Limit: Limit{Restarts: 1 << 30}, Children: children})
	for i := range members {
		c.pids = append(c.pids, c.PID("top/"+fmt.Sprint(i)))
	}
	c.Actors().EventStream.Subscribe(func(e any) {
		if d, is := e.(*actor.DeadLetterEvent); is {
			switch d.Message.(type) {
			case *relay, *heavy:
				c.over()
			}
		}
	})
	return c
}

// asleep names every actor that has something to do and that nobody is about to do it for; and what the dispatcher takes for true.
func (c *crowd) asleep() string {
	var out strings.Builder
	d := c.dispatcher
	d.mu.Lock()
	inLine := map[*mailbox]bool{}
	for _, j := range d.line[d.head:] {
		inLine[j.mailbox] = true
	}
	fmt.Fprintf(&out, "%d busy, %d stuck, %d wait, chain %d, %d in line, %d loans", d.busy, d.stuck, d.waiting, d.chain, len(inLine), len(d.loans))
	nobody := d.busy == 0
	d.mu.Unlock()
	c.nodes.mu.RLock()
	defer c.nodes.mu.RUnlock()
	for n := range c.nodes.byPath.All() {
		path, life := n.path, n.life
		if life == nil {
			fmt.Fprintf(&out, "\n%s is %v", path, n.state)
			continue
		}
		running := life.running.Load()
		if life.pending() && !running || running && nobody || n.state != Running {
			fmt.Fprintf(&out, "\n%s is %v: user, bulk and system messages wait: %v %v %v, running %v, in line %v, suspended %v, killed %v", path, n.state,
				life.user.waits(), life.bulk.Load().waits(), life.system.Load().waits(), running, inLine[&life.mailbox], life.suspended.Load(), life.killed.Load())
		}
	}
	return out.String()
}

// readerLike sends its tokens in small lots with a goroutine that it lends, as a reader does, and is replaced when that does not come back.
type readerLike struct {
	*crowd
	lots [][]any
	done *sync.WaitGroup
}

func (r *readerLike) run() {
	loan := &Loan{GoOn: r.run}
	for len(r.lots) > 0 {
		lot := r.lots[0]
		r.lots = r.lots[1:]
		mine := r.Lend(loan, func() {
			for i, m := range lot {
				r.Send(r.pids[(len(r.lots)*7+i)%len(r.pids)], m)
			}
		})
		if !mine {
			return
		}
	}
	r.done.Done()
}

// Promise: nobody is forgotten. Whatever happens at the same moment, actors that run long, wait for the disk, are sent what is bulk, die in the middle of a turn or end
// their goroutine, readers that lend theirs, few processors or many: every message is taken or goes to the dead letters, and then nobody is busy.
func TestNobodyIsForgotten(t *testing.T) {
	for _, processors := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(processors), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
			const members, readers, lots, each, hops = 24, 6, 40, 5, 60
			c := newCrowd(t, members)
			c.left.Store(readers * lots * each)
			var sent sync.WaitGroup
			sent.Add(readers)
			for range readers {
				r := &readerLike{crowd: c, done: &sent}
				for range lots {
					lot := make([]any, each)
					for i := range lot {
						lot[i] = &relay{hops: hops}
						if i%2 == 0 {
							lot[i] = &heavy{relay{hops: hops}}
						}
					}
					r.lots = append(r.lots, lot)
				}
				go r.run()
			}
			stop, troubled := make(chan struct{}), make(chan struct{})
			go func() {
				defer close(troubled)
				tick := time.NewTicker(time.Millisecond)
				defer tick.Stop()
				for n := 0; ; n++ {
					select {
					case <-stop:
						return
					case <-tick.C:
						c.Send(c.pids[n*5%members], mess(n%int(messes)))
					}
				}
			}()
			sent.Wait()
			select {
			case <-c.all:
			case <-time.After(time.Minute):
				t.Fatalf("%d messages are nowhere: %s", c.left.Load(), c.asleep())
			}
			close(stop)
			<-troubled
			d := c.dispatcher
			for end := time.Now().Add(time.Minute); ; time.Sleep(time.Millisecond) {
				d.mu.Lock()
				quiet := d.busy == 0 && d.stuck == 0 && d.waiting == 0 && len(d.loans) == 0 && d.head == len(d.line)
				d.mu.Unlock()
				if said := c.asleep(); quiet && strings.Count(said, "\n") == 0 {
					break
				} else if time.Now().After(end) {
					t.Fatal(said)
				}
			}
		})
	}
}

// Promise: nobody is forgotten at the moment when its mailbox becomes empty. Few ask an actor at a time, and wait for its answer, so that no later
// message wakes it in place of the one that was to.
func TestNobodyIsForgottenWhileItIsQuiet(t *testing.T) {
	for _, processors := range []int{1, 2, 4} {
		t.Run(fmt.Sprint(processors), func(t *testing.T) {
			defer runtime.GOMAXPROCS(runtime.GOMAXPROCS(processors))
			const actors, askers, rounds = 3, 2, 4000
			s := NewSystem(zerolog.Nop())
			var pids []*actor.PID
			for i := range actors {
				pids = append(pids, spawn(s, func(ctx actor.Context) {
					switch m := ctx.Message().(type) {
					case chan int:
						m <- 1
					case func(actor.Context): // by way of another one
						ctx.Send(pids[(i+1)%actors], make(chan int, 1))
						m(ctx)
					}
				}))
			}
			var all sync.WaitGroup
			for i := range actors * askers {
				all.Go(func() {
					answer := make(chan int, 1)
					loan := &Loan{GoOn: func() {}}
					to := pids[i%actors]
					for n := range rounds {
						ask := func() { s.Send(to, answer) }
						switch {
						case n%3 == 0:
							ask = func() { s.Send(to, func(ctx actor.Context) { ctx.Send(pids[n%actors], answer) }) }
							fallthrough
						case i%askers == 0:
							s.Lend(loan, ask)
						default:
							ask()
						}
						select {
						case <-answer:
						case <-time.After(time.Minute):
							t.Errorf("asker %d has no answer in round %d", i, n)
							return
						}
					}
				})
			}
			all.Wait()
			quiet(t, s)
		})
	}
}
