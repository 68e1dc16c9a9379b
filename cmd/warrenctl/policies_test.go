package main

import "testing"

// https://www.rabbitmq.com/docs/man/rabbitmqctl.8#Policies: what stands above, rows, columns and exit codes, as RabbitMQ's tools and
// scripts know them.
func TestPolicyCommands(t *testing.T) {
	_, dir := start(t)
	row := "/\tp\t^a\tqueues\t{\"max-length\":10}\t7\n"
	for _, c := range []struct {
		args   []string
		code   int
		out    string
		errOut string
	}{
		{[]string{"list_policies"}, 0, "Listing policies for vhost \"/\" ...\nvhost\tname\tpattern\tapply-to\tdefinition\tpriority\n" + row, ""},
		{[]string{"list_policies", "-s"}, 0, row, ""},
		{[]string{"list_operator_policies", "-q", "--formatter", "json"}, 0,
			`[` + "\n" + `{"vhost":"/","name":"o","pattern":"^a","apply-to":"queues","definition":"{\"max-length\":10}","priority":7}` + "\n]\n", ""},
		{[]string{"list_operator_policies", "-p", "empty", "--no-table-headers"}, 0,
			"Listing operator policy overrides for vhost \"empty\" ...\nempty\to\t^a\tqueues\t{\"max-length\":10}\t7\n", ""},
		{[]string{"list_policies", "-p", "nowhere", "-q"}, 65, "", "Error:\nVirtual host 'nowhere' does not exist\n"},
		{[]string{"set_policy", "--priority", "5", "p", "^a", `{"max-length":1}`}, 0,
			`Setting policy "p" for pattern "^a" to "{"max-length":1}" with priority "5" for vhost "/" ...` + "\n", ""},
		{[]string{"set_operator_policy", "o", "^a", "{}"}, 0,
			`Setting operator policy override "o" for pattern "^a" to "{}" with priority "0" for vhost "/" ...` + "\n", ""},
		{[]string{"clear_policy", "p"}, 0, `Clearing policy "p" on vhost "/" ...` + "\n", ""},
		{[]string{"clear_operator_policy", "-p", "v", "o"}, 0, `Clearing operator policy "o" on vhost "v" ...` + "\n", ""},
		{[]string{"set_policy", "p", "^a"}, 64, "", "Error (argument validation): not enough arguments: it takes 3, and there are 2\nSee warrenctl help.\n"},
		{[]string{"set_policy", "p", "^a", "{}", "more"}, 64, "", "Error (argument validation): too many arguments: it takes 3, and there are 4\nSee warrenctl help.\n"},
		{[]string{"clear_policy"}, 64, "", "Error (argument validation): not enough arguments: it takes 1, and there are 0\nSee warrenctl help.\n"},
	} {
		code, out, errOut := ctlRun(append([]string{"--data-dir", dir}, c.args...)...)
		if code != c.code || out != c.out || errOut != c.errOut {
			t.Errorf("%q: exit code %d, %q, %q", c.args, code, out, errOut)
		}
	}
}
