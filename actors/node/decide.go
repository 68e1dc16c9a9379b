package node

import (
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"

	"warren/actors/auth"
	eventv1 "warren/proto/event/v1"
)

// draft is what a command changes so far: events, and the definitions as they are behind them. It is decided whole before anything
// happens, so that a command that cannot be carried out changes nothing.
type draft struct {
	defs   *auth.Definitions // a copy
	events []*eventv1.NodeDefinition
	now    int64 // nanoseconds; ids of what is made are from here up
	ids    uint64
}

// decide returns the events of a command, none when it finds done what it asks for.
func decide(defs *auth.Definitions, c Command, now int64) ([]*eventv1.NodeDefinition, *Error) {
	d := &draft{defs: defs.Clone(), now: now}
	if err := d.decide(c); err != nil {
		return nil, err
	}
	return d.events, nil
}

func (d *draft) decide(c Command) *Error {
	switch c := c.(type) {
	case AddUser:
		return d.addUser(c)
	case DeleteUser:
		return d.deleteUser(c)
	case ChangePassword:
		return d.changePassword(c)
	case SetUserTags:
		return d.setUserTags(c)
	case AddVHost:
		return d.addVHost(c)
	case UpdateVHost:
		return d.updateVHost(c)
	case DeleteVHost:
		return d.deleteVHost(c)
	case SetPermissions:
		return d.setPermissions(c)
	case ClearPermissions:
		return d.clearPermissions(c)
	case SetTopicPermissions:
		return d.setTopicPermissions(c)
	case ClearTopicPermissions:
		return d.clearTopicPermissions(c)
	case SetUserLimits:
		return d.setUserLimits(c)
	case ClearUserLimits:
		return d.clearUserLimits(c)
	case SetVHostLimits:
		return d.setVHostLimits(c)
	case ClearVHostLimits:
		return d.clearVHostLimits(c)
	case SetPolicy:
		return d.setPolicy(c)
	case ClearPolicy:
		return d.clearPolicy(c)
	case Import:
		return d.imports(c)
	}
	panic(fmt.Sprintf("node: no decision for a %T", c))
}

func (d *draft) happen(e *eventv1.NodeDefinition) {
	d.events = append(d.events, e)
	d.defs.Apply(&eventv1.NodeBatch{Definitions: []*eventv1.NodeDefinition{e}})
}

// id is one that nothing else has: a moment, and a number within it.
func (d *draft) id() uint64 {
	d.ids++
	return uint64(d.now) + d.ids
}

// nameLimit is what a short string of AMQP holds, in bytes.
const nameLimit = 255

func checkName(what, name string) *Error {
	switch {
	case name == "":
		return invalid("The name of a %s cannot be empty", what)
	case len(name) > nameLimit:
		return invalid("The name of a %s has %d bytes; the limit is %d", what, len(name), nameLimit)
	case !utf8.ValidString(name):
		return invalid("The name of a %s is no UTF-8: %q", what, name)
	}
	return nil
}

func checkTags(tags []string) *Error {
	for _, tag := range tags {
		if tag == "" || strings.Contains(tag, ",") || !utf8.ValidString(tag) {
			return invalid("A tag cannot be %q: it is a word without commas", tag)
		}
	}
	return nil
}

func (d *draft) addUser(c AddUser) *Error {
	if err := checkName("user", c.Name); err != nil {
		return err
	}
	if d.defs.Users[c.Name] != nil {
		return &Error{Exists, fmt.Sprintf("User \"%s\" already exists", c.Name)}
	}
	if err := checkTags(c.Tags); err != nil {
		return err
	}
	d.happen(userPut(&eventv1.UserPut{
		Name: c.Name, PasswordHash: c.Password.Hash, HashingAlgorithm: c.Password.Algorithm, Tags: c.Tags, Id: d.id(),
	}))
	return nil
}

func (d *draft) deleteUser(c DeleteUser) *Error {
	if d.defs.Users[c.Name] == nil {
		return noSuchUser(c.Name)
	}
	d.happen(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_UserDeleted{UserDeleted: &eventv1.UserDeleted{Name: c.Name}}})
	return nil
}

func (d *draft) changePassword(c ChangePassword) *Error {
	u := d.defs.Users[c.Name]
	if u == nil {
		return noSuchUser(c.Name)
	}
	d.happen(userPut(&eventv1.UserPut{
		Name: u.Name, PasswordHash: c.Password.Hash, HashingAlgorithm: c.Password.Algorithm, Tags: u.Tags, Id: u.Id,
	}))
	return nil
}

func (d *draft) setUserTags(c SetUserTags) *Error {
	u := d.defs.Users[c.Name]
	if u == nil {
		return noSuchUser(c.Name)
	}
	if err := checkTags(c.Tags); err != nil {
		return err
	}
	d.happen(userPut(&eventv1.UserPut{
		Name: u.Name, PasswordHash: u.PasswordHash, HashingAlgorithm: u.HashingAlgorithm, Tags: c.Tags, Id: u.Id,
	}))
	return nil
}

// queueTypes are RabbitMQ's; those that are not there yet cannot be a default either.
func checkQueueType(name string) *Error {
	switch name {
	case "", "classic", "undefined":
		return nil
	case "quorum", "stream":
		return invalid("Unsupported default queue type '%s': there are only classic queues yet", name)
	}
	return invalid("Unsupported default queue type '%s'", name)
}

// addVHost finds done what is there, as RabbitMQ does.
func (d *draft) addVHost(c AddVHost) *Error {
	if err := checkName("virtual host", c.Name); err != nil {
		return err
	}
	if d.defs.VHosts[c.Name] != nil {
		return nil
	}
	if err := checkTags(c.Tags); err != nil {
		return err
	}
	if err := checkQueueType(c.DefaultQueueType); err != nil {
		return err
	}
	d.happen(vhostPut(&eventv1.VHostPut{
		Name: c.Name, Description: strings.ToValidUTF8(c.Description, "\uFFFD"), Tags: c.Tags, DefaultQueueType: c.DefaultQueueType, Id: d.id(),
	}))
	return nil
}

func (d *draft) updateVHost(c UpdateVHost) *Error {
	now := d.defs.VHosts[c.Name]
	if now == nil {
		return noSuchVHost(c.Name)
	}
	next := &eventv1.VHostPut{Name: now.Name, Description: now.Description, Tags: now.Tags, DefaultQueueType: now.DefaultQueueType, Id: now.Id}
	if c.Description != nil {
		next.Description = strings.ToValidUTF8(*c.Description, "\uFFFD")
	}
	if c.Tags != nil {
		next.Tags = *c.Tags
	}
	if c.DefaultQueueType != nil {
		next.DefaultQueueType = *c.DefaultQueueType
	}
	if err := checkTags(next.Tags); err != nil {
		return err
	}
	if err := checkQueueType(next.DefaultQueueType); err != nil {
		return err
	}
	d.happen(vhostPut(next))
	return nil
}

func (d *draft) deleteVHost(c DeleteVHost) *Error {
	if d.defs.VHosts[c.Name] == nil {
		return noSuchVHost(c.Name)
	}
	d.happen(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_VhostDeleted{VhostDeleted: &eventv1.VHostDeleted{Name: c.Name}}})
	return nil
}

// known refuses a user or a vhost that there is not, the user first as RabbitMQ does.
func (d *draft) known(user, vhost string) *Error {
	switch {
	case d.defs.Users[user] == nil:
		return noSuchUser(user)
	case d.defs.VHosts[vhost] == nil:
		return noSuchVHost(vhost)
	}
	return nil
}

func (d *draft) setPermissions(c SetPermissions) *Error {
	for _, text := range []string{c.Configure, c.Write, c.Read} {
		if _, err := auth.CompilePattern(text); err != nil {
			return invalid("%v", err)
		}
	}
	if err := d.known(c.User, c.VHost); err != nil {
		return err
	}
	d.happen(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_PermissionsSet{PermissionsSet: &eventv1.PermissionsSet{
		User: c.User, Vhost: c.VHost, Configure: c.Configure, Write: c.Write, Read: c.Read,
	}}})
	return nil
}

func (d *draft) clearPermissions(c ClearPermissions) *Error {
	if err := d.known(c.User, c.VHost); err != nil {
		return err
	}
	if d.defs.Of(c.User, c.VHost) != nil {
		d.happen(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_PermissionsCleared{
			PermissionsCleared: &eventv1.PermissionsCleared{User: c.User, Vhost: c.VHost},
		}})
	}
	return nil
}

func (d *draft) setTopicPermissions(c SetTopicPermissions) *Error {
	for _, text := range []string{c.Write, c.Read} {
		if err := auth.CheckTopicPattern(text, c.User, c.VHost); err != nil {
			return invalid("%v", err)
		}
	}
	if err := d.known(c.User, c.VHost); err != nil {
		return err
	}
	if len(c.Exchange) > nameLimit || !utf8.ValidString(c.Exchange) {
		return invalid("No exchange is called %q", c.Exchange)
	}
	d.happen(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_TopicPermissionsSet{TopicPermissionsSet: &eventv1.TopicPermissionsSet{
		User: c.User, Vhost: c.VHost, Exchange: c.Exchange, Write: c.Write, Read: c.Read,
	}}})
	return nil
}

func (d *draft) clearTopicPermissions(c ClearTopicPermissions) *Error {
	if err := d.known(c.User, c.VHost); err != nil {
		return err
	}
	for _, p := range d.defs.TopicPermissions() {
		if p.User == c.User && p.Vhost == c.VHost && (c.Exchange == nil || p.Exchange == *c.Exchange) {
			d.happen(&eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_TopicPermissionsCleared{
				TopicPermissionsCleared: &eventv1.TopicPermissionsCleared{User: p.User, Vhost: p.Vhost, Exchange: p.Exchange},
			}})
		}
	}
	return nil
}

// imports are all of it or nothing. Users and vhosts come first, since the rest is about them; a user that is there gets the
// password and the tags of the file, a vhost its description, as RabbitMQ does.
func (d *draft) imports(c Import) *Error {
	for _, u := range c.Users {
		if err := d.importUser(u); err != nil {
			return within(err, "user '%s'", u.Name)
		}
	}
	for _, v := range c.VHosts {
		if err := d.importVHost(v); err != nil {
			return within(err, "vhost '%s'", v.Name)
		}
	}
	for _, p := range c.Permissions {
		if err := d.setPermissions(p); err != nil {
			return within(err, "permissions of user '%s' in vhost '%s'", p.User, p.VHost)
		}
	}
	for _, p := range c.TopicPermissions {
		if err := d.setTopicPermissions(p); err != nil {
			return within(err, "topic permissions of user '%s' in vhost '%s' on exchange '%s'", p.User, p.VHost, p.Exchange)
		}
	}
	for _, l := range c.UserLimits {
		if err := d.setUserLimits(l); err != nil {
			return within(err, "limits of user '%s'", l.User)
		}
	}
	for _, l := range c.VHostLimits {
		if err := d.setVHostLimits(l); err != nil {
			return within(err, "limits of vhost '%s'", l.VHost)
		}
	}
	for _, p := range c.Policies {
		if err := d.setPolicy(p); err != nil {
			return within(err, "policy '%s' in vhost '%s'", p.Name, p.VHost)
		}
	}
	return nil
}

func within(err *Error, format string, arguments ...any) *Error {
	return &Error{err.Reason, "cannot import " + fmt.Sprintf(format, arguments...) + ": " + err.Text}
}

func (d *draft) importUser(c AddUser) *Error {
	u := d.defs.Users[c.Name]
	if u == nil {
		return d.addUser(c)
	}
	if slices.Equal(u.PasswordHash, c.Password.Hash) && u.HashingAlgorithm == c.Password.Algorithm && slices.Equal(u.Tags, c.Tags) {
		return nil
	}
	if err := d.changePassword(ChangePassword{c.Name, c.Password}); err != nil {
		return err
	}
	return d.setUserTags(SetUserTags{c.Name, c.Tags})
}

func (d *draft) importVHost(c AddVHost) *Error {
	v := d.defs.VHosts[c.Name]
	switch {
	case v == nil:
		return d.addVHost(c)
	case v.Description == c.Description && slices.Equal(v.Tags, c.Tags) && v.DefaultQueueType == c.DefaultQueueType:
		return nil
	}
	return d.updateVHost(UpdateVHost{c.Name, &c.Description, &c.Tags, &c.DefaultQueueType})
}

func userPut(u *eventv1.UserPut) *eventv1.NodeDefinition {
	return &eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_UserPut{UserPut: u}}
}

func vhostPut(v *eventv1.VHostPut) *eventv1.NodeDefinition {
	return &eventv1.NodeDefinition{Event: &eventv1.NodeDefinition_VhostPut{VhostPut: v}}
}
