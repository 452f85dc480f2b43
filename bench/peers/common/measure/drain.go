package measure

import (
	"fmt"
	"sync/atomic"
)

// Drain counts what is handled of a backlog. Its window begins when a tenth is done and ends when all of it is: starting
// is left out of the rate, and of the cost.
type Drain struct {
	tasks, tenth int64
	handled      atomic.Int64
	from, to     Moment
	// Done is closed when all is handled.
	Done chan struct{}
}

// NewDrain of so many tasks.
func NewDrain(tasks int64) (*Drain, error) {
	tenth := max(tasks/10, 1)
	if tasks <= tenth {
		return nil, fmt.Errorf("%d tasks are too few to measure", tasks)
	}
	return &Drain{tasks: tasks, tenth: tenth, Done: make(chan struct{})}, nil
}

// Handle counts one.
func (d *Drain) Handle() {
	switch d.handled.Add(1) {
	case d.tenth:
		d.from = Now()
	case d.tasks:
		d.to = Now()
		close(d.Done)
	}
}

// Handled is how many are.
func (d *Drain) Handled() int64 { return d.handled.Load() }

// Cost is that of the window, once it has ended.
func (d *Drain) Cost() Cost { return CostOf(d.tasks-d.tenth, d.from, d.to) }
