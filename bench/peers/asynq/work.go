package main

import (
	"flag"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/hibiken/asynq"

	"aftercommit/bench/peers/common/half"
	"aftercommit/bench/peers/common/measure"
	"aftercommit/interop/common/conn"
)

// workKnobs are those of every command that works.
type workKnobs struct {
	Concurrency    int            `json:"concurrency"`
	Queues         map[string]int `json:"queues"`
	TaskCheckMS    float64        `json:"task_check_ms"`
	DelayedCheckMS float64        `json:"delayed_check_ms"`
}

type workFlags struct {
	redis        conn.Flags
	concurrency  int
	queues       queues
	taskCheck    time.Duration
	delayedCheck time.Duration
	timeout      time.Duration
}

func (f *workFlags) register(set *flag.FlagSet) {
	f.redis.Register(set)
	f.queues = queues{"default": 1}
	set.IntVar(&f.concurrency, "concurrency", 10, "tasks at a time")
	set.Var(&f.queues, "queues", "`name=weight,..`")
	set.DurationVar(&f.taskCheck, "task-check", time.Second, "pause when queues are empty; a second is asynq's default")
	set.DurationVar(&f.delayedCheck, "delayed-check", 5*time.Second, "interval of looking for due tasks; asynq's default")
	set.DurationVar(&f.timeout, "timeout", 5*time.Minute, "when to give up")
}

func (f *workFlags) knobs() workKnobs {
	return workKnobs{f.concurrency, f.queues, measure.Milliseconds(f.taskCheck), measure.Milliseconds(f.delayedCheck)}
}

// work runs a server until done is closed. It says {"ready": {..}} first.
func (f *workFlags) work(handler asynq.HandlerFunc, done <-chan struct{}) error {
	server := asynq.NewServer(f.redis.Options(), asynq.Config{
		Concurrency:              f.concurrency,
		Queues:                   f.queues,
		TaskCheckInterval:        f.taskCheck,
		DelayedTaskCheckInterval: f.delayedCheck,
		LogLevel:                 asynq.ErrorLevel,
	})
	if err := server.Start(handler); err != nil {
		return err
	}
	err := half.Work(done, f.timeout)
	server.Shutdown()
	return err
}

type queues map[string]int

func (q *queues) String() string { return fmt.Sprint(map[string]int(*q)) }

func (q *queues) Set(text string) error {
	parsed := queues{}
	for part := range strings.SplitSeq(text, ",") {
		name, weight, _ := strings.Cut(part, "=")
		number, err := strconv.Atoi(weight)
		if err != nil || name == "" {
			return fmt.Errorf("%q is not name=weight", part)
		}
		parsed[name] = number
	}
	*q = parsed
	return nil
}
