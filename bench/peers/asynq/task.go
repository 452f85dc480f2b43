package main

import (
	"time"

	"github.com/hibiken/asynq"

	"aftercommit/bench/peers/common/payload"
)

func plainTask() *asynq.Task { return taskAt(time.Time{}) }

func taskAt(at time.Time) *asynq.Task { return asynq.NewTask(payload.Type, payload.At(at).Encode()) }
