package worker

import (
	"encoding/json"
	"time"

	"github.com/hibiken/asynq"
)

// AggregatedType is the type of the task that a group becomes.
const AggregatedType = "agg:done"

// Member is one task of a group, as the payload of the aggregated task lists it. asynq tells an aggregator no ids, so
// payloads have to tell tasks apart.
type Member struct {
	Type    string            `json:"type"`
	Payload []byte            `json:"payload"`
	Headers map[string]string `json:"headers,omitempty"`
}

type aggregator struct {
	retention time.Duration
	// Then it never ends, so that one can see what becomes of its tasks when the worker dies.
	hangs bool
}

func (a aggregator) Aggregate(_ string, tasks []*asynq.Task) *asynq.Task {
	if a.hangs {
		select {}
	}
	members := make([]Member, 0, len(tasks))
	for _, task := range tasks {
		members = append(members, Member{task.Type(), task.Payload(), task.Headers()})
	}
	payload, err := json.Marshal(members)
	if err != nil {
		// Strings and bytes always have a JSON form.
		panic(err)
	}
	return asynq.NewTask(AggregatedType, payload, asynq.Retention(a.retention))
}
