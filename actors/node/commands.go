package node

import "warren/actors/policy"

// Command changes the definitions of the node. Who gives it has hashed passwords already.
type Command interface{ command() }

// Users (RabbitMQ, access control; rabbitmqctl's commands of the same names).
type (
	AddUser struct {
		Name     string
		Password Password
		Tags     []string
	}
	DeleteUser     struct{ Name string }
	ChangePassword struct {
		Name     string
		Password Password // the zero value takes it away
	}
	SetUserTags struct {
		Name string
		Tags []string
	}
)

// Password is a hash and how it was made.
type Password struct {
	Hash      []byte
	Algorithm string
}

// Vhosts.
type (
	AddVHost struct {
		Name             string
		Description      string
		Tags             []string
		DefaultQueueType string
	}
	// UpdateVHost changes what is not nil.
	UpdateVHost struct {
		Name             string
		Description      *string
		Tags             *[]string
		DefaultQueueType *string
	}
	DeleteVHost struct{ Name string }
)

// Permissions.
type (
	SetPermissions struct {
		User, VHost            string
		Configure, Write, Read string
	}
	ClearPermissions    struct{ User, VHost string }
	SetTopicPermissions struct {
		User, VHost, Exchange string
		Write, Read           string
	}
	// ClearTopicPermissions is for all exchanges when Exchange is nil.
	ClearTopicPermissions struct {
		User, VHost string
		Exchange    *string
	}
)

// Limits.
type (
	// SetUserLimits leaves those that it does not name as they are.
	SetUserLimits struct {
		User   string
		Limits Limits
	}
	// ClearUserLimits takes one away, or all of them.
	ClearUserLimits struct{ User, Limit string }
	// SetVHostLimits: those that it does not name are no limits any more.
	SetVHostLimits struct {
		VHost  string
		Limits Limits
	}
	ClearVHostLimits struct{ VHost string }
)

// Policies and operator policies.
type (
	SetPolicy struct {
		VHost string
		policy.Spec
	}
	ClearPolicy struct {
		VHost, Name string
		Operator    bool
	}
)

// Limits by their names (auth.LimitField). A negative number is no limit.
type Limits map[string]int64

// Import puts many things at once, all of them or none: what is there already becomes what it says.
type Import struct {
	Users            []AddUser
	VHosts           []AddVHost
	Permissions      []SetPermissions
	TopicPermissions []SetTopicPermissions
	UserLimits       []SetUserLimits
	VHostLimits      []SetVHostLimits
	Policies         []SetPolicy
}

func (AddUser) command()               {}
func (DeleteUser) command()            {}
func (ChangePassword) command()        {}
func (SetUserTags) command()           {}
func (AddVHost) command()              {}
func (UpdateVHost) command()           {}
func (DeleteVHost) command()           {}
func (SetPermissions) command()        {}
func (ClearPermissions) command()      {}
func (SetTopicPermissions) command()   {}
func (ClearTopicPermissions) command() {}
func (SetUserLimits) command()         {}
func (ClearUserLimits) command()       {}
func (SetVHostLimits) command()        {}
func (ClearVHostLimits) command()      {}
func (SetPolicy) command()             {}
func (ClearPolicy) command()           {}
func (Import) command()                {}
