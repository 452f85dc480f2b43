package answers

import "github.com/hibiken/asynq"

// Server is an asynq.ServerInfo.
type Server struct {
	ID             string         `json:"id"`
	Host           string         `json:"host"`
	PID            int            `json:"pid"`
	Concurrency    int            `json:"concurrency"`
	Queues         map[string]int `json:"queues"`
	StrictPriority bool           `json:"strict_priority"`
	Started        *int64         `json:"started"`
	Status         string         `json:"status"`
	ActiveWorkers  []Worker       `json:"active_workers"`
}

// Worker is an asynq.WorkerInfo: one task in hand.
type Worker struct {
	TaskID      string `json:"task_id"`
	TaskType    string `json:"task_type"`
	TaskPayload []byte `json:"task_payload"`
	Queue       string `json:"queue"`
	Started     *int64 `json:"started"`
	Deadline    *int64 `json:"deadline"`
}

// OfServer copies all fields.
func OfServer(info *asynq.ServerInfo) Server {
	return Server{
		ID:             info.ID,
		Host:           info.Host,
		PID:            info.PID,
		Concurrency:    info.Concurrency,
		Queues:         info.Queues,
		StrictPriority: info.StrictPriority,
		Started:        nanos(info.Started),
		Status:         info.Status,
		ActiveWorkers:  Each(info.ActiveWorkers, ofWorker),
	}
}

func ofWorker(info *asynq.WorkerInfo) Worker {
	return Worker{
		TaskID:      info.TaskID,
		TaskType:    info.TaskType,
		TaskPayload: info.TaskPayload,
		Queue:       info.Queue,
		Started:     nanos(info.Started),
		Deadline:    nanos(info.Deadline),
	}
}

// Entry is an asynq.SchedulerEntry.
type Entry struct {
	ID      string   `json:"id"`
	Spec    string   `json:"spec"`
	Type    string   `json:"type"`
	Payload []byte   `json:"payload"`
	Options []string `json:"options"`
	Next    *int64   `json:"next"`
	Prev    *int64   `json:"prev"`
}

// OfEntry copies all fields; options as asynq prints them.
func OfEntry(entry *asynq.SchedulerEntry) Entry {
	return Entry{
		ID:      entry.ID,
		Spec:    entry.Spec,
		Type:    entry.Task.Type(),
		Payload: entry.Task.Payload(),
		Options: Each(entry.Opts, asynq.Option.String),
		Next:    nanos(entry.Next),
		Prev:    nanos(entry.Prev),
	}
}

// Event is an asynq.SchedulerEnqueueEvent.
type Event struct {
	TaskID     string `json:"task_id"`
	EnqueuedAt *int64 `json:"enqueued_at"`
}

// OfEvent copies all fields.
func OfEvent(event *asynq.SchedulerEnqueueEvent) Event {
	return Event{TaskID: event.TaskID, EnqueuedAt: nanos(event.EnqueuedAt)}
}

// Node is an asynq.ClusterNode.
type Node struct {
	ID   string `json:"id"`
	Addr string `json:"addr"`
}

// OfNode copies all fields.
func OfNode(node *asynq.ClusterNode) Node { return Node{ID: node.ID, Addr: node.Addr} }

// Each turns every item into its answer. An empty list is [], not null.
func Each[From, To any](items []From, of func(From) To) []To {
	answers := make([]To, 0, len(items))
	for _, item := range items {
		answers = append(answers, of(item))
	}
	return answers
}
