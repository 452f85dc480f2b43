// Package load enqueues from several callers at once, or at a pace.
package load

import (
	"flag"
	"math/rand/v2"
	"sync"
	"time"
)

// Together runs the same function several times at once and answers the first error.
func Together(times int, run func() error) error {
	failed := make(chan error, times)
	var running sync.WaitGroup
	for range times {
		running.Add(1)
		go func() {
			defer running.Done()
			if err := run(); err != nil {
				failed <- err
			}
		}()
	}
	running.Wait()
	close(failed)
	return <-failed
}

// Pace is a rate, from several callers.
type Pace struct {
	Tasks     int64   `json:"tasks"`
	PerSecond float64 `json:"per_second"`
	Jitter    float64 `json:"jitter"`
	Callers   int     `json:"callers"`
}

// Register its flags.
func (p *Pace) Register(set *flag.FlagSet) {
	set.Int64Var(&p.Tasks, "tasks", 100, "how many")
	set.Float64Var(&p.PerSecond, "per-second", 4, "rate")
	set.Float64Var(&p.Jitter, "jitter", 0.2, "share of the distance that a task may come early or late")
	set.IntVar(&p.Callers, "callers", 16, "goroutines that enqueue")
}

// Run enqueues, whatever a call takes: a late call does not put off the next.
func (p *Pace) Run(start time.Time, enqueue func() error) error {
	ticks := make(chan struct{}, p.Tasks)
	go p.tick(start, ticks)
	return Together(p.Callers, func() error {
		for range ticks {
			if err := enqueue(); err != nil {
				return err
			}
		}
		return nil
	})
}

func (p *Pace) tick(start time.Time, ticks chan<- struct{}) {
	defer close(ticks)
	distance := float64(time.Second) / p.PerSecond
	for i := range p.Tasks {
		jitter := p.Jitter * (2*rand.Float64() - 1)
		time.Sleep(time.Until(start.Add(time.Duration((float64(i) + jitter) * distance))))
		ticks <- struct{}{}
	}
}
