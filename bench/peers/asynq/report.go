package main

import (
	"encoding/json"
	"os"
	"runtime/debug"
	"syscall"
	"time"
)

// report prints {"result": {..}}, the last line of every command. Knobs are in it, so that a row explains itself.
func report(command string, knobs, measured any) error {
	return json.NewEncoder(os.Stdout).Encode(map[string]any{"result": map[string]any{
		"peer":     "asynq",
		"version":  version(),
		"command":  command,
		"knobs":    knobs,
		"measured": measured,
	}})
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "github.com/hibiken/asynq" {
				return module.Version
			}
		}
	}
	return "unknown"
}

// moment is a point in time, and the processor time that this process had used by then.
type moment struct {
	at  time.Time
	cpu time.Duration
}

func now() moment {
	usage := usage()
	return moment{time.Now(), time.Duration(usage.Utime.Nano() + usage.Stime.Nano())}
}

// cost is what a number of tasks took from one moment to another.
type cost struct {
	Tasks          int64   `json:"tasks"`
	Seconds        float64 `json:"seconds"`
	TasksPerSecond float64 `json:"tasks_per_second"`
	CPUMSPer1000   float64 `json:"cpu_ms_per_1000"`
	MaxRSSMB       float64 `json:"max_rss_mb"`
}

func costOf(tasks int64, from, to moment) cost {
	seconds := to.at.Sub(from.at).Seconds()
	return cost{
		Tasks:          tasks,
		Seconds:        seconds,
		TasksPerSecond: float64(tasks) / seconds,
		CPUMSPer1000:   (to.cpu - from.cpu).Seconds() * 1e6 / float64(tasks),
		MaxRSSMB:       float64(usage().Maxrss) / 1024,
	}
}

func usage() syscall.Rusage {
	var usage syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &usage); err != nil {
		// It fails for a bad address or a bad constant only.
		panic(err)
	}
	return usage
}
