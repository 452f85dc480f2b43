package main

import (
	"flag"
	"fmt"
	"os"
	"sync/atomic"
	"time"

	"github.com/hibiken/asynq"

	"aftercommit/bench/peers/common/load"
	"aftercommit/bench/peers/common/measure"
	"aftercommit/interop/common/conn"
)

type enqueueKnobs struct {
	Tasks   int64  `json:"tasks"`
	Callers int    `json:"callers"`
	Queue   string `json:"queue"`
}

// enqueue lets a number of callers share one client, each with one call under way at a time.
func enqueue(args []string) error {
	var redis conn.Flags
	var knobs enqueueKnobs
	set := flag.NewFlagSet("enqueue", flag.ExitOnError)
	redis.Register(set)
	set.Int64Var(&knobs.Tasks, "tasks", 20_000, "how many")
	set.IntVar(&knobs.Callers, "callers", 1, "goroutines that enqueue")
	set.StringVar(&knobs.Queue, "queue", "default", "where to")
	if err := set.Parse(args); err != nil {
		return err
	}
	client := asynq.NewClient(redis.Options())
	defer client.Close()
	if err := client.Ping(); err != nil {
		return err
	}

	from := measure.Now()
	var taken atomic.Int64
	err := load.Together(knobs.Callers, func() error {
		for taken.Add(1) <= knobs.Tasks {
			if _, err := client.Enqueue(plainTask(), asynq.Queue(knobs.Queue)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return peer.Report("enqueue", knobs, measure.CostOf(knobs.Tasks, from, measure.Now()))
}

type scheduleKnobs struct {
	Tasks   int64   `json:"tasks"`
	InMS    float64 `json:"in_ms"`
	ApartMS float64 `json:"apart_ms"`
	Queue   string  `json:"queue"`
}

// schedule enqueues tasks that are due one after the other.
func schedule(args []string) error {
	var redis conn.Flags
	var knobs scheduleKnobs
	set := flag.NewFlagSet("schedule", flag.ExitOnError)
	redis.Register(set)
	set.Int64Var(&knobs.Tasks, "tasks", 200, "how many")
	in := set.Duration("in", 3*time.Second, "from now to the first")
	apart := set.Duration("apart", 12500*time.Microsecond, "from one to the next")
	set.StringVar(&knobs.Queue, "queue", "default", "where to")
	if err := set.Parse(args); err != nil {
		return err
	}
	knobs.InMS, knobs.ApartMS = measure.Milliseconds(*in), measure.Milliseconds(*apart)
	client := asynq.NewClient(redis.Options())
	defer client.Close()

	from := measure.Now()
	for i := range knobs.Tasks {
		due := from.At.Add(*in + time.Duration(i)**apart)
		if _, err := client.Enqueue(taskAt(due), asynq.ProcessAt(due), asynq.Queue(knobs.Queue)); err != nil {
			return err
		}
	}
	to := measure.Now()
	if to.At.Sub(from.At) > *in {
		fmt.Fprintln(os.Stderr, "bench-asynq schedule: enqueuing took longer than --in; some tasks were not in time")
	}
	return peer.Report("schedule", knobs, measure.CostOf(knobs.Tasks, from, to))
}
