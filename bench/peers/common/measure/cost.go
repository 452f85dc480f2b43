// Package measure says what a number of tasks took, and how late they were.
package measure

import (
	"syscall"
	"time"
)

// Moment is a point in time, and the processor time that this process had used by then.
type Moment struct {
	At  time.Time
	cpu time.Duration
}

// Now is the present one.
func Now() Moment {
	usage := usage()
	return Moment{time.Now(), time.Duration(usage.Utime.Nano() + usage.Stime.Nano())}
}

// Cost is what a number of tasks took from one moment to another.
type Cost struct {
	Tasks          int64   `json:"tasks"`
	Seconds        float64 `json:"seconds"`
	TasksPerSecond float64 `json:"tasks_per_second"`
	CPUMSPer1000   float64 `json:"cpu_ms_per_1000"`
	MaxRSSMB       float64 `json:"max_rss_mb"`
}

// CostOf so many tasks.
func CostOf(tasks int64, from, to Moment) Cost {
	seconds := to.At.Sub(from.At).Seconds()
	return Cost{
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
