// Command bench-river is River's side of the benchmark on Postgres. Each command does one half, enqueuing or working, so
// that the other half can be another process. See README.md.
package main

import (
	"fmt"
	"os"

	"aftercommit/bench/peers/common/measure"
)

var peer = measure.Peer{Name: "river", Module: "github.com/riverqueue/river"}

const help = `usage: bench-river <command> --postgres URL [flags]

  prepare    makes River's tables
  enqueue    as fast as its callers can
  pace       at a steady rate, the moment of enqueuing in the payload
  drain      works through a backlog: its rate and what it costs
  lateness   works, and tells how long after the moment in its payload each task started
`

var commands = map[string]func(args []string) error{
	"prepare":  prepare,
	"enqueue":  enqueue,
	"pace":     pace,
	"drain":    drain,
	"lateness": lateness,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprint(os.Stderr, help)
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "bench-river %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}
