package definitions

import (
	"fmt"
	"slices"
	"strings"
)

// Known is what a broker has of the things it cannot be given more of.
type Known struct {
	User, VHost string
	// Tags of the user.
	Tags []string
	// Password says whether a hash is that of the user's password.
	Password func(hash, algorithm string) bool
}

// Check returns an error for the first object that the broker has no place for. Nothing that matters is passed over: whoever imports
// a permission relies on it.
func (d *Definitions) Check(k Known) error {
	for _, u := range d.Users {
		if err := k.user(u); err != nil {
			return err
		}
	}
	for _, v := range d.VHosts {
		if err := k.vhost(v); err != nil {
			return err
		}
	}
	for _, p := range d.Permissions {
		if p.User != k.User || p.VHost != k.VHost || p.Configure != ".*" || p.Write != ".*" || p.Read != ".*" {
			return cannot("permissions of user '%s' in vhost '%s': user '%s' may do everything in vhost '%s', and there are no other permissions yet",
				p.User, p.VHost, k.User, k.VHost)
		}
	}
	for _, p := range d.TopicPermissions {
		return cannot("topic permissions of user '%s' in vhost '%s' on exchange '%s': there are none yet", p.User, p.VHost, p.Exchange)
	}
	for _, p := range d.Parameters {
		return cannot("parameter '%s' of component '%s' in vhost '%s': there are none yet", p.Name, p.Component, p.VHost)
	}
	for _, p := range d.GlobalParameters {
		if !aboutTheCluster(p) {
			return cannot("global parameter '%s': there are none yet", p.Name)
		}
	}
	for _, p := range d.Policies {
		return cannot("policy '%s' in vhost '%s': there are none yet", p.Name, p.VHost)
	}
	for _, q := range d.Queues {
		if err := k.place(q, q.VHost); err != nil {
			return err
		}
		if q.Type != "" && q.Type != "classic" && q.Type != "rabbit_classic_queue" {
			return cannot("%s: its type is '%s', and there are only classic queues yet", q, q.Type)
		}
	}
	for _, x := range d.Exchanges {
		if err := k.place(x, x.VHost); err != nil {
			return err
		}
	}
	for _, b := range d.Bindings {
		if err := k.place(b, b.VHost); err != nil {
			return err
		}
	}
	return nil
}

func cannot(format string, arguments ...any) error {
	return fmt.Errorf("cannot import "+format, arguments...)
}

func (k Known) user(u User) error {
	switch {
	case u.Name != k.User:
		return cannot("user '%s': there are no users but the configured one yet, '%s' (default_user)", u.Name, k.User)
	case !k.Password(u.PasswordHash, u.HashingAlgorithm):
		return cannot("user '%s': the password is not the configured one (default_pass), and cannot be changed yet", u.Name)
	case !slices.Equal(slices.Sorted(slices.Values(u.Tags)), k.Tags):
		return cannot("user '%s': its tags are [%s] and not [%s], and cannot be changed yet", u.Name, strings.Join(u.Tags, ", "), strings.Join(k.Tags, ", "))
	case len(u.Limits) > 0:
		return cannot("user '%s': there are no limits of users yet", u.Name)
	}
	return nil
}

func (k Known) vhost(v VHost) error {
	switch {
	case v.Name != k.VHost:
		return cannot("vhost '%s': there are no vhosts but the configured one yet, '%s' (default_vhost)", v.Name, k.VHost)
	case v.DefaultQueueType != "" && v.DefaultQueueType != "classic" && v.DefaultQueueType != "undefined":
		return cannot("vhost '%s': its default queue type is '%s', and there are only classic queues yet", v.Name, v.DefaultQueueType)
	case len(v.Limits) > 0:
		return cannot("vhost '%s': there are no limits of vhosts yet", v.Name)
	}
	return nil
}

func (k Known) place(what fmt.Stringer, vhost string) error {
	if vhost != k.VHost {
		return cannot("%s: there are no vhosts but the configured one yet, '%s' (default_vhost)", what, k.VHost)
	}
	return nil
}

// aboutTheCluster are parameters that every RabbitMQ exports: who it was, and an empty list.
func aboutTheCluster(p GlobalParameter) bool {
	empty := string(p.Value) == "[]" || string(p.Value) == "{}"
	return p.Name == "internal_cluster_id" || p.Name == "cluster_tags" && empty
}
