// Package scheduler runs asynq's Scheduler with the entries it is given.
package scheduler

import (
	"flag"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/hibiken/asynq"

	"aftercommit/interop/common/conn"
	"aftercommit/interop/common/lines"
	"aftercommit/interop/go/enqueue"
)

// Entry is a task and when to enqueue it.
type Entry struct {
	Spec string       `json:"spec"`
	Task enqueue.Task `json:"task"`
}

// Main enqueues until SIGTERM, SIGINT or the end of standard input. It says {"ready": {"entries": [..]}} with an id per
// entry; its records are in Redis after the first heartbeat.
func Main(args []string) error {
	var redis conn.Flags
	set := flag.NewFlagSet("scheduler", flag.ExitOnError)
	redis.Register(set)
	text := set.String("entries", "[]", "entries as `JSON`")
	heartbeat := set.Duration("heartbeat", time.Second, "interval of its records")
	level := asynq.InfoLevel
	set.Var(&level, "log-level", "`level` of asynq's log on standard error")
	if err := set.Parse(args); err != nil {
		return err
	}
	var entries []Entry
	if err := lines.Decode([]byte(*text), &entries); err != nil {
		return err
	}

	signals := make(chan os.Signal, 1)
	signal.Notify(signals, syscall.SIGTERM, syscall.SIGINT)
	options := &asynq.SchedulerOpts{HeartbeatInterval: *heartbeat, LogLevel: level}
	scheduler := asynq.NewScheduler(redis.Options(), options)
	ids, err := register(scheduler, entries)
	if err != nil {
		return err
	}
	if err := scheduler.Start(); err != nil {
		return err
	}
	if err := lines.SayReady(os.Stdout, lines.Ready{Entries: ids}); err != nil {
		return err
	}
	select {
	case <-signals:
	case <-lines.Closed(os.Stdin):
	}
	scheduler.Shutdown()
	return nil
}

func register(scheduler *asynq.Scheduler, entries []Entry) ([]string, error) {
	ids := make([]string, 0, len(entries))
	for _, entry := range entries {
		id, err := scheduler.Register(entry.Spec, entry.Task.Asynq(), entry.Task.AsynqOptions()...)
		if err != nil {
			return nil, err
		}
		ids = append(ids, id)
	}
	return ids, nil
}
