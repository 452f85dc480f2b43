// Package worker runs asynq's Server with handlers that do what a task's type says.
package worker

import (
	"flag"
	"os"
	"os/signal"
	"syscall"

	"github.com/hibiken/asynq"

	"aftercommit/interop/common/conn"
	"aftercommit/interop/common/lines"
)

// Main serves until SIGTERM, SIGINT or the end of standard input, and then stops gracefully; SIGTSTP stops the fetching
// only. It says {"ready": ..} once the server has started.
func Main(args []string) error {
	var redis conn.Flags
	set := flag.NewFlagSet("worker", flag.ExitOnError)
	redis.Register(set)
	text := set.String("config", "{}", "configuration as `JSON`")
	path := set.String("effects", "", "`file` to append executions to")
	if err := set.Parse(args); err != nil {
		return err
	}
	var config Config
	if err := lines.Decode([]byte(*text), &config); err != nil {
		return err
	}
	asynqConfig, err := config.asynq()
	if err != nil {
		return err
	}
	effects, err := OpenEffects(*path)
	if err != nil {
		return err
	}

	signals := make(chan os.Signal, 4)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT, syscall.SIGTSTP)
	server := asynq.NewServer(redis.Options(), asynqConfig)
	if err := server.Start(mux(effects)); err != nil {
		return err
	}
	if err := lines.SayReady(os.Stdout, lines.Ready{}); err != nil {
		return err
	}
	wait(signals, server)
	server.Shutdown()
	return nil
}

func wait(signals <-chan os.Signal, server *asynq.Server) {
	closed := lines.Closed(os.Stdin)
	for {
		select {
		case <-closed:
			return
		case received := <-signals:
			if received != syscall.SIGTSTP {
				return
			}
			server.Stop()
		}
	}
}
