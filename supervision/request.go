package supervision

import (
	"errors"

	"github.com/asynkron/protoactor-go/actor"
)

// Requests to a supervisor. All are asynchronous; the answer goes to the sender, when there is one, and to Done, when it
// is set. Done is called in the supervisor's turn: it must not block and usually sends its result to somebody.
type (
	// StartChild starts a dynamic child behind all others (supervisor:start_child/2). It is answered when the child has
	// acknowledged its start, by *ChildStarted or *ChildFailed; a child that fails this first start is forgotten.
	StartChild struct {
		Spec ChildSpec
		Done func(pid *actor.PID, err error)
	}
	// TerminateChild stops a child with Gone and forgets it, unless it is a static one (supervisor:terminate_child/2
	// and delete_child/2 in one). Answered by *ChildStopped or *ChildFailed.
	TerminateChild struct {
		ID   string
		Done func(err error)
	}
	// RestartChild starts a child again that is crashed (given up) or stopped (supervisor:restart_child/2), with a
	// fresh limit. Answered by *ChildStarted or *ChildFailed.
	RestartChild struct {
		ID   string
		Done func(pid *actor.PID, err error)
	}

	ChildStarted struct {
		ID  string
		PID *actor.PID
	}
	ChildStopped struct{ ID string }
	ChildFailed  struct {
		ID  string
		Err error
	}
)

var (
	// ErrAlreadyStarted: a child of that id is there (OTP's already_started, running).
	ErrAlreadyStarted = errors.New("supervision: child already started")
	// ErrAlreadyPresent: a child of that id is known but not running; see RestartChild (OTP's already_present).
	ErrAlreadyPresent = errors.New("supervision: child already present")
	// ErrNotFound: there is no such child, or no such path.
	ErrNotFound = errors.New("supervision: not found")
	// ErrShuttingDown: the supervisor is about to end and starts nothing any more.
	ErrShuttingDown = errors.New("supervision: shutting down")
	// ErrTerminated: the child was terminated before it had started.
	ErrTerminated = errors.New("supervision: terminated")
	// ErrStartTimeout: the child's Started turn took longer than its StartTimeout.
	ErrStartTimeout = errors.New("supervision: start timed out")
	// ErrExited: the child stopped itself.
	ErrExited = errors.New("supervision: exited")
)

// asker is whoever waits for the outcome of a request.
type asker struct {
	next    *asker // of those that wait for the same
	sender  *actor.PID
	started func(*actor.PID, error)
	stopped func(error)
}

func (a *asker) tell(ctx actor.Context, answer any) {
	if a.sender != nil {
		ctx.Send(a.sender, answer)
	}
}

func (a *asker) childStarted(ctx actor.Context, id string, pid *actor.PID) {
	if a.started != nil {
		a.started(pid, nil)
	}
	a.tell(ctx, &ChildStarted{ID: id, PID: pid})
}

func (a *asker) childStopped(ctx actor.Context, id string) {
	if a.stopped != nil {
		a.stopped(nil)
	}
	a.tell(ctx, &ChildStopped{ID: id})
}

func (a *asker) childFailed(ctx actor.Context, id string, err error) {
	if a.started != nil {
		a.started(nil, err)
	}
	if a.stopped != nil {
		a.stopped(err)
	}
	a.tell(ctx, &ChildFailed{ID: id, Err: err})
}
