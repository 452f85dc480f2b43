package main

import (
	"encoding/json"
	"time"

	"github.com/hibiken/asynq"
)

const taskType = "task:send_verify_email"

// payload is what every peer of the benchmark carries.
type payload struct {
	Username string `json:"username"`
	// AtUnixNS is the moment that lateness is counted from; enqueue and drain leave it out.
	AtUnixNS int64 `json:"at_unix_ns,omitempty"`
}

func plainTask() *asynq.Task { return taskAt(time.Time{}) }

func taskAt(at time.Time) *asynq.Task {
	content := payload{Username: "alice10"}
	if !at.IsZero() {
		content.AtUnixNS = at.UnixNano()
	}
	encoded, err := json.Marshal(content)
	if err != nil {
		// A string and a number always have a JSON form.
		panic(err)
	}
	return asynq.NewTask(taskType, encoded)
}
