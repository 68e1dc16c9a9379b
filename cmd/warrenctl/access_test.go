package main

import (
	"slices"
	"strings"
	"testing"
)

// https://www.rabbitmq.com/docs/man/rabbitmqctl.8: arguments and options of the commands that change definitions reach the broker.
func TestChanges(t *testing.T) {
	f, dir := start(t)
	for _, c := range []struct {
		args []string
		want string
	}{
		{[]string{"add_user", "u", "secret"}, `add_user:{name:"u" password:"secret"}`},
		{[]string{"add_user", "u", ""}, `add_user:{name:"u"}`},
		{[]string{"delete_user", "u"}, `delete_user:{name:"u"}`},
		{[]string{"change_password", "u", "new"}, `change_password:{name:"u" password:"new"}`},
		{[]string{"clear_password", "u"}, `clear_password:{name:"u"}`},
		{[]string{"set_user_tags", "u"}, `set_user_tags:{name:"u"}`},
		{[]string{"set_user_tags", "u", "administrator", "a,b"}, `set_user_tags:{name:"u" tags:"administrator" tags:"a" tags:"b"}`},
		{[]string{"add_vhost", "v"}, `add_vhost:{name:"v"}`},
		{[]string{"add_vhost", "v", "--description", "text", "--tags", "a,b", "--default-queue-type", "classic"},
			`add_vhost:{name:"v" description:"text" tags:"a" tags:"b" default_queue_type:"classic"}`},
		{[]string{"update_vhost_metadata", "v", "--tags", ""}, `update_vhost:{name:"v" tags:{}}`},
		{[]string{"update_vhost_metadata", "v", "--description", ""}, `update_vhost:{name:"v" description:""}`},
		{[]string{"delete_vhost", "v"}, `delete_vhost:{name:"v"}`},
		{[]string{"set_permissions", "-p", "v", "u", "^a", "", ".*"}, `set_permissions:{user:"u" vhost:"v" configure:"^a" read:".*"}`},
		{[]string{"clear_permissions", "u"}, `clear_permissions:{user:"u" vhost:"/"}`},
		{[]string{"set_topic_permissions", "u", "x", "^a", ".*"}, `set_topic_permissions:{user:"u" vhost:"/" exchange:"x" write:"^a" read:".*"}`},
		{[]string{"clear_topic_permissions", "u"}, `clear_topic_permissions:{user:"u" vhost:"/"}`},
		{[]string{"clear_topic_permissions", "u", "x"}, `clear_topic_permissions:{user:"u" vhost:"/" exchange:"x"}`},
		{[]string{"set_user_limits", "u", `{"max-channels": -1}`}, `set_user_limits:{user:"u" limits:{key:"max-channels" value:-1}}`},
		{[]string{"clear_user_limits", "u", "all"}, `clear_user_limits:{user:"u" limit:"all"}`},
		{[]string{"set_vhost_limits", "-p", "v", `{"max-queues": 0}`}, `set_vhost_limits:{vhost:"v" limits:{key:"max-queues" value:0}}`},
		{[]string{"clear_vhost_limits", "-p", "v"}, `clear_vhost_limits:{vhost:"v"}`},
		{[]string{"set_policy", "p", "^a", `{"max-length":1}`}, `set_policy:{vhost:"/" name:"p" pattern:"^a" definition:"{\"max-length\":1}" apply_to:"all"}`},
		{[]string{"set_policy", "-p", "v", "--priority", "-7", "--apply-to", "queues", "p", "", "{}"},
			`set_policy:{vhost:"v" name:"p" definition:"{}" priority:-7 apply_to:"queues"}`},
		{[]string{"set_operator_policy", "p", ".*", "{}"}, `set_policy:{vhost:"/" name:"p" operator:true pattern:".*" definition:"{}" apply_to:"all"}`},
		{[]string{"clear_policy", "-p", "v", "p"}, `clear_policy:{vhost:"v" name:"p"}`},
		{[]string{"clear_operator_policy", "p"}, `clear_policy:{vhost:"/" name:"p" operator:true}`},
		{[]string{"close_connection", "warren/c", "why"}, `pid:"warren/c" reason:"why"`},
		{[]string{"close_all_connections", "-p", "v", "--limit", "3", "--per-connection-delay", "10", "why"}, `vhost:"v" reason:"why" limit:3 delay:10`},
		{[]string{"close_all_connections", "--global", "why"}, `all:true reason:"why"`},
		{[]string{"close_all_user_connections", "u", "why"}, `user:"u" reason:"why"`},
		{[]string{"set_vm_memory_high_watermark", "0.5"}, `relative:0.5`},
		{[]string{"set_vm_memory_high_watermark", "absolute", "2GiB"}, `absolute:2147483648`},
		{[]string{"set_disk_free_limit", "1GB"}, `absolute:1000000000`},
		{[]string{"set_disk_free_limit", "mem_relative", "1.5"}, `mem_relative:1.5`},
	} {
		f.defined = nil
		if code, out, errOut := ctlRun(append([]string{"--data-dir", dir, "-q"}, c.args...)...); code != 0 || out != "" {
			t.Errorf("%q: exit code %d, %s%s", c.args, code, out, errOut)
		}
		if !slices.Equal(f.defined, []string{c.want}) {
			t.Errorf("%q: the broker heard %q, want %q", c.args, f.defined, c.want)
		}
	}
}

// rabbitmqctl add_user, change_password and authenticate_user read the password from the standard input when it is not there.
func TestPasswordFromStandardInput(t *testing.T) {
	f, dir := start(t)
	for _, e := range []struct{ input, want string }{{"secret\n", `add_user:{name:"u" password:"secret"}`}, {"a b\r\nmore", `add_user:{name:"u" password:"a b"}`}, {"\n", `add_user:{name:"u"}`}} {
		f.defined = nil
		var out strings.Builder
		c := &ctl{out: &out}
		command := c.command()
		command.SetArgs([]string{"--data-dir", dir, "add_user", "u"})
		command.SetIn(strings.NewReader(e.input))
		if err := command.Execute(); err != nil {
			t.Fatal(err)
		}
		if !slices.Equal(f.defined, []string{e.want}) {
			t.Errorf("%q: the broker heard %q", e.input, f.defined)
		}
		if strings.Contains(out.String(), "secret") {
			t.Errorf("the password is shown: %s", &out)
		}
	}
	c := &ctl{out: &strings.Builder{}}
	command := c.command()
	command.SetArgs([]string{"--data-dir", dir, "authenticate_user", "u"})
	command.SetIn(strings.NewReader(""))
	if code, text := c.explain(command.Execute()); code != exitDataError || !strings.Contains(text, "password is not provided") {
		t.Errorf("no password at all: %d, %s", code, text)
	}
}
