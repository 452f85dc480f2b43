package main

import (
	"flag"
	"math/rand/v2"
	"time"

	"github.com/hibiken/asynq"

	"aftercommit/interop/common/conn"
)

type paceKnobs struct {
	Tasks     int64   `json:"tasks"`
	PerSecond float64 `json:"per_second"`
	Jitter    float64 `json:"jitter"`
	Callers   int     `json:"callers"`
	Queue     string  `json:"queue"`
}

// pace enqueues at a rate, whatever a call takes: a late call does not put off the next.
func pace(args []string) error {
	var redis conn.Flags
	var knobs paceKnobs
	set := flag.NewFlagSet("pace", flag.ExitOnError)
	redis.Register(set)
	set.Int64Var(&knobs.Tasks, "tasks", 100, "how many")
	set.Float64Var(&knobs.PerSecond, "per-second", 4, "rate")
	set.Float64Var(&knobs.Jitter, "jitter", 0.2, "share of the distance that a task may come early or late")
	set.IntVar(&knobs.Callers, "callers", 16, "goroutines that enqueue")
	set.StringVar(&knobs.Queue, "queue", "default", "where to")
	if err := set.Parse(args); err != nil {
		return err
	}
	client := asynq.NewClient(redis.Options())
	defer client.Close()

	from := now()
	ticks := make(chan struct{}, knobs.Tasks)
	go tick(knobs, from.at, ticks)
	err := together(knobs.Callers, func() error {
		for range ticks {
			if _, err := client.Enqueue(taskAt(time.Now()), asynq.Queue(knobs.Queue)); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	return report("pace", knobs, costOf(knobs.Tasks, from, now()))
}

func tick(knobs paceKnobs, start time.Time, ticks chan<- struct{}) {
	defer close(ticks)
	distance := float64(time.Second) / knobs.PerSecond
	for i := range knobs.Tasks {
		jitter := knobs.Jitter * (2*rand.Float64() - 1)
		time.Sleep(time.Until(start.Add(time.Duration((float64(i) + jitter) * distance))))
		ticks <- struct{}{}
	}
}
