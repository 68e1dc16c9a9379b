package definitions

import "fmt"

// Check returns an error for the first object that the broker has no place for. Nothing that matters is passed over: whoever imports
// a parameter relies on it. there says whether a vhost is, or will be.
func (d *Definitions) Check(there func(vhost string) bool) error {
	for _, p := range d.Parameters {
		if p.Component == vhostLimits || p.Component == operatorPolicy {
			continue
		}
		return cannot("parameter '%s' of component '%s' in vhost '%s': there are none yet", p.Name, p.Component, p.VHost)
	}
	for _, p := range d.GlobalParameters {
		if !aboutTheCluster(p) {
			return cannot("global parameter '%s': there are none yet", p.Name)
		}
	}
	for _, q := range d.Queues {
		if err := place(q, q.VHost, there); err != nil {
			return err
		}
		if q.Type != "" && q.Type != "classic" && q.Type != "rabbit_classic_queue" {
			return cannot("%s: its type is '%s', and there are only classic queues yet", q, q.Type)
		}
	}
	for _, x := range d.Exchanges {
		if err := place(x, x.VHost, there); err != nil {
			return err
		}
	}
	for _, b := range d.Bindings {
		if err := place(b, b.VHost, there); err != nil {
			return err
		}
	}
	return nil
}

func cannot(format string, arguments ...any) error {
	return fmt.Errorf("cannot import "+format, arguments...)
}

func place(what fmt.Stringer, vhost string, there func(string) bool) error {
	if !there(vhost) {
		return cannot("%s: there is no such vhost", what)
	}
	return nil
}

// aboutTheCluster are parameters that every RabbitMQ exports: who it was, and an empty list.
func aboutTheCluster(p GlobalParameter) bool {
	empty := string(p.Value) == "[]" || string(p.Value) == "{}"
	return p.Name == "internal_cluster_id" || p.Name == "cluster_tags" && empty
}
