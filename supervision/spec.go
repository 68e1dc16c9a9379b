package supervision

import (
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/asynkron/protoactor-go/actor"
)

// Shutdown values beside a plain duration.
const (
	// Infinity waits for the child for as long as it takes; the default of a supervisor, as OTP recommends.
	Infinity time.Duration = -1
	// Brutal does not wait at all and does not let the child terminate (OTP's brutal_kill).
	Brutal time.Duration = -2
)

const (
	defaultShutdown     = 5 * time.Second // of a worker
	defaultStartTimeout = 5 * time.Second // of a worker; a supervisor's start is bounded by its children's
	defaultWithin       = 5 * time.Second
)

// Limit is OTP's intensity and period: more than Restarts restarts Within that time are too many. Zero Restarts means
// that the first crash is one too many; a zero Within means 5 s.
type Limit struct {
	Restarts int
	Within   time.Duration
}

func (l Limit) String() string { return fmt.Sprintf("%d in %v", l.Restarts, l.within()) }

func (l Limit) within() time.Duration {
	if l.Within == 0 {
		return defaultWithin
	}
	return l.Within
}

// Spec describes a supervisor (OTP's sup_flags and the child specs that init/1 returns).
type Spec struct {
	Strategy     Strategy
	Limit        Limit
	AutoShutdown AutoShutdown
	// Children are the static ones, started in this order. Their specs stay when they end or are terminated, so
	// that RestartChild can bring them back; a dynamic child's spec goes with it.
	Children []ChildSpec
	// Dynamic, when set, returns the dynamic children that there are by now. It is called at every start of the
	// supervisor, in its turn: OTP leaves a supervisor that restarts without its dynamic children, and we know them from
	// the definitions. They are started behind the static ones.
	Dynamic func() []ChildSpec
}

// ChildSpec describes a child (OTP's child_spec).
type ChildSpec struct {
	// ID is the child's segment in its path, already escaped (see Escape), and unique among its siblings.
	ID string
	// Kind is what the tree shows: "queue", "exchange"; "supervisor" is implied.
	Kind string
	// New makes the actor, a fresh value for each start. It runs in the child's own first turn, so a panic in it is
	// that child's crash. The incarnation is unique and increasing over the whole System.
	New func(incarnation uint64) actor.Actor
	// Supervisor is set instead of New when the child is itself a supervisor.
	Supervisor *Spec

	// Shutdown is how long the child may take to stop before it is abandoned: Infinity, Brutal or a duration. Zero
	// means 5 s for a worker and Infinity for a supervisor.
	Shutdown time.Duration
	// StartTimeout is how long the Started turn may take. Zero means 5 s for a worker and Infinity for a supervisor,
	// whose children have their own.
	StartTimeout time.Duration
	Restart      Restart
	// Irreplaceable children are not replaced when their turn does not end, only named (see Watchdog): two of them at once would be
	// worse than one that does nothing.
	Irreplaceable bool
	// Blocks says that the child waits for the disk in its turns (System.Await), so that nobody should wait behind them.
	Blocks bool
	// Drains says that what waits in the child's mailbox when it is told to stop is done before it does: others have left it there and
	// are gone.
	Drains bool
	// Significant children end their supervisor, see Spec.AutoShutdown. They cannot be permanent.
	Significant bool

	// GiveUp is the child's own limit. Its restarts do not count against the supervisor's limit at all; beyond its
	// own limit it is given up: stopped with GivenUp, state Crashed, and only RestartChild brings it back. The siblings
	// of a group are left alone then. OTP has no such thing; it is RabbitMQ's queue in state "crashed".
	GiveUp *Limit
	// OnGiveUp is called in the supervisor's turn with the error of the crash that was one too many. It must not block.
	OnGiveUp func(reason any)
	// OnExit is called in the supervisor's turn when the child is gone for good: a transient or temporary one that
	// ended (Normal when it stopped itself, Gone after a crash), or a terminated one (Gone). It is not called when
	// the whole supervisor shuts down, nor when the child is given up. It must not block.
	OnExit func(reason Reason)
}

func (c *ChildSpec) shutdown() time.Duration {
	switch {
	case c.Shutdown == Brutal:
		return Brutal
	case c.Shutdown < 0, c.Shutdown == 0 && c.Supervisor != nil:
		return Infinity
	case c.Shutdown == 0:
		return defaultShutdown
	}
	return c.Shutdown
}

func (c *ChildSpec) startTimeout() time.Duration {
	switch {
	case c.StartTimeout < 0, c.StartTimeout == 0 && c.Supervisor != nil:
		return Infinity
	case c.StartTimeout == 0:
		return defaultStartTimeout
	}
	return c.StartTimeout
}

func (c *ChildSpec) kind() string {
	switch {
	case c.Kind != "":
		return c.Kind
	case c.Supervisor != nil:
		return "supervisor"
	}
	return "worker"
}

// validate refuses what would only show as odd behaviour later, the whole tree below included.
func (s *Spec) validate() error {
	if s.Strategy < OneForOne || s.Strategy > SimpleOneForOne {
		return fmt.Errorf("supervision: unknown strategy %d", s.Strategy)
	}
	if s.Strategy == SimpleOneForOne && len(s.Children) > 0 {
		return errors.New("supervision: a simple_one_for_one supervisor has no static children")
	}
	seen := make(map[string]bool, len(s.Children))
	for i := range s.Children {
		c := &s.Children[i]
		if seen[c.ID] {
			return fmt.Errorf("supervision: child %q appears twice", c.ID)
		}
		seen[c.ID] = true
		if err := c.validate(); err != nil {
			return err
		}
	}
	return nil
}

func (c *ChildSpec) validate() error {
	switch {
	case c.ID == "":
		return errors.New("supervision: a child without an id")
	case strings.Contains(c.ID, "/"):
		return fmt.Errorf("supervision: child id %q is not escaped", c.ID)
	case (c.New == nil) == (c.Supervisor == nil):
		return fmt.Errorf("supervision: child %q needs either New or Supervisor", c.ID)
	case c.Significant && c.Restart == Permanent:
		return fmt.Errorf("supervision: child %q is significant and permanent", c.ID)
	}
	if c.Supervisor != nil {
		if err := c.Supervisor.validate(); err != nil {
			return fmt.Errorf("%w, below %q", err, c.ID)
		}
	}
	return nil
}
