// Command bench-asynq is asynq's side of the benchmark on Redis. Each command does one half, enqueuing or working, so
// that the other half can be another process, or another library. See README.md.
package main

import (
	"fmt"
	"os"

	"aftercommit/bench/peers/common/measure"
)

var peer = measure.Peer{Name: "asynq", Module: "github.com/hibiken/asynq"}

const help = `usage: bench-asynq <command> [--redis host:port] [--db n] [flags]

  enqueue    as fast as its callers can
  pace       at a steady rate, the moment of enqueuing in the payload
  schedule   for moments to come, which are in the payload
  drain      works through a backlog: its rate and what it costs
  lateness   works, and tells how long after the moment in its payload each task started
  beside     works for a while, and counts the tasks of each second
  hold       takes a task and never ends it; says when it was started
`

var commands = map[string]func(args []string) error{
	"enqueue":  enqueue,
	"pace":     pace,
	"schedule": schedule,
	"drain":    drain,
	"lateness": lateness,
	"beside":   beside,
	"hold":     hold,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprint(os.Stderr, help)
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench-asynq %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
