package measure

import (
	"fmt"
	"slices"
	"sync"
	"time"
)

// Late is in milliseconds; less than zero is too early.
type Late struct {
	Min  float64   `json:"min_ms"`
	P50  float64   `json:"p50_ms"`
	P95  float64   `json:"p95_ms"`
	P99  float64   `json:"p99_ms"`
	Max  float64   `json:"max_ms"`
	Mean float64   `json:"mean_ms"`
	All  []float64 `json:"all_ms,omitempty"`
}

// Sightings are how late each task was, in the order of their starts.
type Sightings struct {
	mutex        sync.Mutex
	late         []float64
	wanted, skip int
	// Done is closed when as many are seen as are wanted.
	Done chan struct{}
}

// NewSightings waits for so many tasks, of which the first are left out.
func NewSightings(wanted, skip int) (*Sightings, error) {
	if wanted <= skip {
		return nil, fmt.Errorf("of %d tasks, %d are to be left out", wanted, skip)
	}
	return &Sightings{wanted: wanted, skip: skip, Done: make(chan struct{})}, nil
}

// Add one; more than are wanted are not counted.
func (s *Sightings) Add(late time.Duration) {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	if len(s.late) == s.wanted {
		return
	}
	s.late = append(s.late, Milliseconds(late))
	if len(s.late) == s.wanted {
		close(s.Done)
	}
}

// Seen is how many are.
func (s *Sightings) Seen() int {
	s.mutex.Lock()
	defer s.mutex.Unlock()
	return len(s.late)
}

// All that are not left out, once Done is closed.
func (s *Sightings) All() []float64 { return s.late[s.skip:] }

// Summary of the same.
func (s *Sightings) Summary() Late {
	sorted := slices.Sorted(slices.Values(s.All()))
	var sum float64
	for _, ms := range sorted {
		sum += ms
	}
	at := func(share float64) float64 { return sorted[int(share*float64(len(sorted)-1)+0.5)] }
	return Late{
		Min:  sorted[0],
		P50:  at(0.50),
		P95:  at(0.95),
		P99:  at(0.99),
		Max:  sorted[len(sorted)-1],
		Mean: sum / float64(len(sorted)),
	}
}

// Milliseconds with fractions.
func Milliseconds(d time.Duration) float64 { return float64(d) / float64(time.Millisecond) }
