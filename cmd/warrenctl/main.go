// Command warrenctl looks into a running Warren, sets it up and stops it: the part of rabbitmqctl that is there already, with its commands,
// columns, output and exit codes (https://www.rabbitmq.com/docs/man/rabbitmqctl.8), and the actors commands, which RabbitMQ has no
// counterpart of.
//
// It speaks to the broker over the unix socket in the data directory, so it runs on the broker's machine as the broker's user.
package main

import (
	"fmt"
	"io"
	"os"
)

func main() {
	os.Exit(run(os.Args[1:], os.Stdout, os.Stderr))
}

// run is the program; it returns the exit code.
func run(args []string, out, errOut io.Writer) int {
	c := &ctl{out: out}
	command := c.command()
	command.SetArgs(args)
	command.SetOut(out)
	command.SetErr(errOut)
	err := command.Execute()
	if err == nil {
		return exitOK
	}
	code, text := c.explain(err)
	_, _ = fmt.Fprintln(errOut, text)
	return code
}
