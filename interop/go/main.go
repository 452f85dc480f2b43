// Command interop-go puts asynq, as its users know it, behind JSON lines: what a test in another language needs to share
// a Redis with it. See README.md.
package main

import (
	"fmt"
	"os"

	"github.com/hibiken/asynq"

	"aftercommit/interop/common/inspect"
	"aftercommit/interop/go/corpus"
	"aftercommit/interop/go/dump"
	"aftercommit/interop/go/enqueue"
	"aftercommit/interop/go/scheduler"
	"aftercommit/interop/go/worker"
)

const usage = `usage: interop-go <command> [--redis host:port] [--db n] [flags]

  client      enqueues what it reads, a JSON line each
  worker      runs tasks until SIGTERM or the end of standard input
  inspector   reads and changes queues, a JSON line each
  scheduler   enqueues periodically until SIGTERM or the end of standard input
  dump        prints every key of the database
  corpus      prints what each way of enqueuing leaves in a Redis of its own
`

var commands = map[string]func(args []string) error{
	"client":    enqueue.Main,
	"worker":    worker.Main,
	"inspector": inspector,
	"scheduler": scheduler.Main,
	"dump":      dump.Main,
	"corpus":    corpus.Main,
}

func main() {
	if len(os.Args) < 2 || commands[os.Args[1]] == nil {
		fmt.Fprint(os.Stderr, usage)
		os.Exit(2)
	}
	if err := commands[os.Args[1]](os.Args[2:]); err != nil {
		fmt.Fprintf(os.Stderr, "interop-go %s: %v\n", os.Args[1], err)
		os.Exit(1)
	}
}

func inspector(args []string) error {
	return inspect.Main(args, inspect.Newer{
		Headers:       func(info *asynq.TaskInfo) map[string]string { return info.Headers },
		UpdatePayload: (*asynq.Inspector).UpdateTaskPayload,
	})
}
