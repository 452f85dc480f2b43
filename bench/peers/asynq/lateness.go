package main

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"slices"
	"sync"
	"time"

	"github.com/hibiken/asynq"
)

type latenessKnobs struct {
	workKnobs
	Tasks int `json:"tasks"`
	Skip  int `json:"skip"`
}

// latenessMeasured is in milliseconds; less than zero is too early.
type latenessMeasured struct {
	Min  float64   `json:"min_ms"`
	P50  float64   `json:"p50_ms"`
	P95  float64   `json:"p95_ms"`
	P99  float64   `json:"p99_ms"`
	Max  float64   `json:"max_ms"`
	Mean float64   `json:"mean_ms"`
	All  []float64 `json:"all_ms,omitempty"`
}

// lateness works until it has seen enough tasks.
func lateness(args []string) error {
	var flags workFlags
	var knobs latenessKnobs
	set := flag.NewFlagSet("lateness", flag.ExitOnError)
	flags.register(set)
	set.IntVar(&knobs.Tasks, "tasks", 100, "how many to wait for")
	set.IntVar(&knobs.Skip, "skip", 0, "first tasks to leave out")
	list := set.Bool("list", false, "print each lateness, in the order of starts")
	if err := set.Parse(args); err != nil {
		return err
	}
	if knobs.Tasks <= knobs.Skip {
		return fmt.Errorf("of %d tasks, %d are to be left out", knobs.Tasks, knobs.Skip)
	}
	knobs.workKnobs = flags.knobs()
	seen := sightings{wanted: knobs.Tasks, done: make(chan struct{})}
	if err := flags.work(seen.handle, seen.done); err != nil {
		return fmt.Errorf("%w: %d of %d", err, len(seen.late), knobs.Tasks)
	}
	measured := summary(seen.late[knobs.Skip:])
	if *list {
		measured.All = seen.late[knobs.Skip:]
	}
	return report("lateness", knobs, measured)
}

type sightings struct {
	mutex  sync.Mutex
	late   []float64
	wanted int
	done   chan struct{}
}

func (s *sightings) handle(_ context.Context, task *asynq.Task) error {
	started := time.Now()
	var content payload
	if err := json.Unmarshal(task.Payload(), &content); err != nil {
		return fmt.Errorf("payload: %w: %w", err, asynq.SkipRetry)
	}
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.late) == s.wanted {
		return nil
	}
	s.late = append(s.late, milliseconds(started.Sub(time.Unix(0, content.AtUnixNS))))
	if len(s.late) == s.wanted {
		close(s.done)
	}
	return nil
}

func summary(late []float64) latenessMeasured {
	sorted := slices.Sorted(slices.Values(late))
	var sum float64
	for _, ms := range sorted {
		sum += ms
	}
	at := func(share float64) float64 { return sorted[int(share*float64(len(sorted)-1)+0.5)] }
	return latenessMeasured{
		Min:  sorted[0],
		P50:  at(0.50),
		P95:  at(0.95),
		P99:  at(0.99),
		Max:  sorted[len(sorted)-1],
		Mean: sum / float64(len(sorted)),
	}
}
