package supervision

// Strategy says which children a supervisor restarts when one of them ends. The names and the behaviour are OTP's.
type Strategy uint8

const (
	// OneForOne restarts the child that ended, nobody else.
	OneForOne Strategy = iota
	// OneForAll stops the others in reverse order and starts all of them again in order.
	OneForAll
	// RestForOne does the same with the child and those that were started after it.
	RestForOne
	// SimpleOneForOne is OneForOne with dynamic children only, which are stopped all at once.
	SimpleOneForOne
)

var strategyNames = [...]string{"one_for_one", "one_for_all", "rest_for_one", "simple_one_for_one"}

func (s Strategy) String() string { return name(strategyNames[:], int(s)) }

// grouped strategies restart more than the child that ended, so their steps run one after the other.
func (s Strategy) grouped() bool { return s == OneForAll || s == RestForOne }

// Restart is OTP's restart type of a child.
type Restart uint8

const (
	// Permanent children always come back, also after they have stopped themselves.
	Permanent Restart = iota
	// Transient children come back after a crash; stopping themselves is their normal end.
	Transient
	// Temporary children never come back.
	Temporary
)

var restartNames = [...]string{"permanent", "transient", "temporary"}

func (r Restart) String() string { return name(restartNames[:], int(r)) }

// AutoShutdown says whether a supervisor ends with its significant children (OTP 24's auto_shutdown). A significant
// child counts when it is gone for good: a transient one that stopped itself, a temporary one in any case.
type AutoShutdown uint8

const (
	// Never ends the supervisor with its children.
	Never AutoShutdown = iota
	// AnySignificant ends it with the first significant child.
	AnySignificant
	// AllSignificant ends it with the last one.
	AllSignificant
)

var autoShutdownNames = [...]string{"never", "any_significant", "all_significant"}

func (a AutoShutdown) String() string { return name(autoShutdownNames[:], int(a)) }

func name(names []string, i int) string {
	if i < 0 || i >= len(names) {
		return "invalid"
	}
	return names[i]
}
