// Package enqueue drives asynq's Client by JSON lines.
package enqueue

import (
	"flag"
	"fmt"
	"os"

	"github.com/hibiken/asynq"

	"aftercommit/interop/common/answers"
	"aftercommit/interop/common/conn"
	"aftercommit/interop/common/lines"
)

// Request asks the client for something: "enqueue" one task, "enqueue_many" in order, or "ping".
type Request struct {
	Op    string `json:"op"`
	Task  Task   `json:"task"`
	Tasks []Task `json:"tasks"`
}

// Main answers requests on standard input until it ends.
func Main(args []string) error {
	var redis conn.Flags
	set := flag.NewFlagSet("client", flag.ExitOnError)
	redis.Register(set)
	if err := set.Parse(args); err != nil {
		return err
	}
	client := asynq.NewClient(redis.Options())
	defer client.Close()
	return lines.Serve(os.Stdin, os.Stdout, answers.ErrorName, func(line []byte) (any, error) {
		var request Request
		if err := lines.Decode(line, &request); err != nil {
			return nil, err
		}
		return answer(client, request)
	})
}

func answer(client *asynq.Client, request Request) (any, error) {
	switch request.Op {
	case "enqueue":
		return One(client, request.Task)
	case "enqueue_many":
		return answers.Each(request.Tasks, func(task Task) lines.Reply { return Reply(client, task) }), nil
	case "ping":
		return nil, client.Ping()
	default:
		return nil, fmt.Errorf("%w: no operation %q", lines.ErrBadRequest, request.Op)
	}
}

// Reply enqueues a task and says what came of it.
func Reply(client *asynq.Client, task Task) lines.Reply {
	info, err := One(client, task)
	return lines.Answer(info, err, answers.ErrorName)
}

// One enqueues a task.
func One(client *asynq.Client, task Task) (answers.Task, error) {
	info, err := client.Enqueue(task.Asynq(), task.AsynqOptions()...)
	if err != nil {
		return answers.Task{}, err
	}
	answer := answers.OfTask(info)
	answer.Headers = info.Headers
	return answer, nil
}
