package main

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// https://www.rabbitmq.com/docs/man/rabbitmqctl.8 and contract O-03: banners, default columns, column arguments, formatters.
// The scripts in testdata hold a command line, four dashes and the whole output; four equals signs end a case.
func TestScripts(t *testing.T) {
	_, dir := start(t)
	files, err := filepath.Glob("testdata/*.txt")
	if err != nil || len(files) == 0 {
		t.Fatal("no scripts", err)
	}
	for _, file := range files {
		script, err := os.ReadFile(file)
		if err != nil {
			t.Fatal(err)
		}
		for block := range strings.SplitSeq(strings.TrimSpace(string(script)), "\n====\n") {
			line, want, _ := strings.Cut(block, "\n----\n")
			code, out, errOut := ctlRun(append([]string{"--data-dir", dir}, strings.Fields(line)...)...)
			if code != 0 || errOut != "" {
				t.Errorf("%s: warrenctl %s: exit code %d, %s", file, line, code, errOut)
			}
			if strings.TrimSuffix(out, "\n") != want {
				t.Errorf("%s: warrenctl %s\n got:\n%s\nwant:\n%s", file, line, out, want)
			}
		}
	}
}

// RabbitMQ's exit codes, which scripts and health checks branch on.
func TestExitCodes(t *testing.T) {
	_, dir := start(t)
	for _, c := range []struct {
		args, message string
		code          int
	}{
		{"list_queues name nonsense", "Info key(s) nonsense are not supported", exitUsage},
		{"list_queus", "Did you mean 'list_queues'?", exitUsage},
		{"", "no command given", exitUsage},
		{"list_queues --nonsense", "unknown flag: --nonsense", exitUsage},
		{"list_queues --formatter xml", "there is no formatter 'xml'", exitUsage},
		{"list_queues -t -1", "a timeout of -1 seconds", exitUsage},
		{"status now", "too many arguments", exitUsage},
		{"-n warren@burrow status", "", exitOK},
		{"status --node warren", "", exitOK},
		{"-n rabbit@burrow delete_user guest", "is 'warren@burrow', not 'rabbit@burrow'", exitUnavailable},
		{"-n burrow stop", "is 'warren@burrow', not 'burrow'", exitUnavailable},
		{"actors", "actors takes tree or crash", exitUsage},
		{"actors crash", "takes one path", exitUsage},
		{"actors crash a --match *", "a path or --match, not both", exitUsage},
		{"actors crash a --every 1s", "--every and --for go with --match", exitUsage},
		{"actors crash --match * --for 0s", "must be more than nothing", exitUsage},
		{"actors crash --match * --hang", "--hang takes a path", exitUsage},
		{"actors crash --match nobody", "No actor's path matches 'nobody'", exitDataError},
		{"actors tree --watch=0s", "must be more than nothing", exitUsage},
		{"restart_queue", "it takes one argument, the queue's name", exitUsage},
		{"restart_queue nowhere", "no queue 'nowhere' in vhost '/'", exitDataError},
		{"restart_queue orders -p nowhere", "Virtual host 'nowhere' does not exist", exitDataError},
		{"restart_queue healthy", "has not crashed", exitUnavailable},
		{"journal", "journal takes status, verify or dump", exitUsage},
		{"journal dump all", "too many arguments", exitUsage},
		{"export_definitions", "it takes one argument", exitUsage},
		{"import_definitions a b", "it takes one argument", exitUsage},
		{"journal verify", "there is no journal in", exitDataError},
		{"journal dump", "there is no journal in", exitDataError},
		{"list_queues -p nowhere", "Virtual host 'nowhere' does not exist", exitDataError},
		{"list_user_permissions nobody", `User "nobody" does not exist`, exitNoUser},
		{"list_user_permissions", "not enough arguments", exitUsage},
		{"delete_user nobody", `User "nobody" does not exist`, exitNoUser},
		{"add_user guest secret", `User "guest" already exists`, exitSoftware},
		{"add_user a b c", "too many arguments", exitUsage},
		{"set_permissions guest .* .*", "not enough arguments: it takes 4, and there are 3", exitUsage},
		{"set_vhost_limits []", "could not parse JSON document", exitDataError},
		{"set_user_limits guest null", "could not parse JSON document", exitDataError},
		{"update_vhost_metadata v", "nothing to change", exitUsage},
		{"authenticate_user guest wrong", "user 'guest' - invalid credentials", exitDataError},
		{"close_connection nobody why", "There is no connection 'nobody'", exitDataError},
		{"close_all_connections --limit -1 why", "must be 0 or more", exitUsage},
		{"restart_vhost -p nowhere", "Virtual host 'nowhere' does not exist", exitDataError},
		{"actors crash warren/nobody", "There is no actor at 'warren/nobody'", exitDataError},
		{"actors crash forbidden", "chaos.enabled is false", exitUnavailable},
	} {
		code, _, errOut := ctlRun(append([]string{"--data-dir", dir}, strings.Fields(c.args)...)...)
		if code != c.code || !strings.Contains(errOut, c.message) {
			t.Errorf("warrenctl %s: exit code %d, want %d; %q does not contain %q", c.args, code, c.code, errOut, c.message)
		}
	}
}

// Contract O-31: a broker that is not there is exit code 69 and a message that says what to look at.
func TestNoBroker(t *testing.T) {
	dir := t.TempDir()
	t.Setenv("WARREN_DATA_DIR", dir)
	code, _, errOut := ctlRun("status")
	if code != exitUnavailable || !strings.Contains(errOut, "unable to perform an operation on the broker in "+dir) {
		t.Errorf("exit code %d, %s", code, errOut)
	}
}

// What a machine reads is JSON whatever the names are.
func TestJSONIsValid(t *testing.T) {
	_, dir := start(t)
	for _, command := range []string{
		"list_queues " + strings.Join(columnNames(lists[3].item), " "), "list_connections name client_properties", "list_channels",
		"list_exchanges", "list_bindings", "list_consumers", "actors tree", "status", "journal status",
		"export_definitions -", "list_queues -p empty",
	} {
		_, out, _ := ctlRun(append([]string{"--data-dir", dir, "--formatter=json"}, strings.Fields(command)...)...)
		if !json.Valid([]byte(out)) {
			t.Errorf("%s: %s", command, out)
		}
	}
}

// actors crash: the path and whether the crash counts reach the broker.
func TestCrash(t *testing.T) {
	f, dir := start(t)
	for _, args := range [][]string{
		{"actors", "crash", "warren/core/journal"}, {"actors", "crash", "--count", "warren/core/journal"},
		{"actors", "crash", "--hang", "warren/core/journal"}, {"actors", "crash", "--match", "*/queues/*", "--count", "--every=5ms"},
	} {
		if code, _, errOut := ctlRun(append(args, "--data-dir", dir, "-q")...); code != 0 {
			t.Fatal(errOut)
		}
	}
	if want := []string{
		"warren/core/journal", "warren/core/journal counted", "warren/core/journal hangs", "*/queues/* every 5ms for 10s counted true",
	}; !slices.Equal(f.crashed, want) {
		t.Errorf("got %q, want %q", f.crashed, want)
	}
}

// rabbitmqctl stop_app and start_app: both reach the broker, and what keeps it from starting is told.
func TestApp(t *testing.T) {
	f, dir := start(t)
	if code, out, errOut := ctlRun("--data-dir", dir, "stop_app"); code != 0 || out != "Stopping the broker in "+dir+" ...\n" || !slices.Equal(f.defined, []string{"stop_app"}) {
		t.Errorf("exit code %d, %s%s, asked %q", code, out, errOut, f.defined)
	}
	if code, _, errOut := ctlRun("--data-dir", dir, "start_app"); code != exitUnavailable || !strings.Contains(errOut, "address already in use") {
		t.Errorf("exit code %d, %s", code, errOut)
	}
}

// stop returns when the broker is down, not before.
func TestStopWaits(t *testing.T) {
	_, dir := start(t)
	if code, out, errOut := ctlRun("--data-dir", dir, "stop"); code != 0 || out != "Stopping the broker in "+dir+" ...\n" {
		t.Fatalf("exit code %d, %s%s", code, out, errOut)
	}
	if code, _, _ := ctlRun("--data-dir", dir, "stop"); code != exitUnavailable {
		t.Errorf("a second stop: exit code %d, want %d", code, exitUnavailable)
	}
}
