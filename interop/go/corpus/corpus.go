// Package corpus records what asynq leaves in Redis for each way of enqueuing, so that others can compare bytes with it
// without Go. It runs on a redis-server of its own.
package corpus

import (
	"context"
	"encoding/json"
	"flag"
	"fmt"
	"runtime/debug"
	"strings"
	"time"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"aftercommit/interop/common/answers"
	"aftercommit/interop/common/lines"
	"aftercommit/interop/go/dump"
	"aftercommit/interop/go/enqueue"
)

// Recorded is one case and what came of it.
type Recorded struct {
	Name    string         `json:"name"`
	Tasks   []enqueue.Task `json:"tasks"`
	Replies []lines.Reply  `json:"replies"`
	Keys    []*dump.Key    `json:"keys"`
}

// Main prints {"asynq": VERSION, "cases": [..]}.
func Main(args []string) error {
	if err := flag.NewFlagSet("corpus", flag.ExitOnError).Parse(args); err != nil {
		return err
	}
	server, err := startRedis()
	if err != nil {
		return err
	}
	defer server.stop()
	recorded := make([]Recorded, 0, len(cases))
	for _, given := range cases {
		record, err := record(given, server.options)
		if err != nil {
			return fmt.Errorf("%s: %w", given.name, err)
		}
		recorded = append(recorded, record)
	}
	return write(recorded)
}

// A case a line: a changed case is a changed line.
func write(recorded []Recorded) error {
	texts := make([]string, 0, len(recorded))
	for _, record := range recorded {
		text, err := json.Marshal(record)
		if err != nil {
			return err
		}
		texts = append(texts, string(text))
	}
	_, err := fmt.Printf("{\"asynq\":%q,\"cases\":[\n%s\n]}\n", version(), strings.Join(texts, ",\n"))
	return err
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

func record(given example, options asynq.RedisClientOpt) (Recorded, error) {
	ctx := context.Background()
	redis := dump.Connect(options)
	defer redis.Close()
	if err := redis.FlushDB(ctx).Err(); err != nil {
		return Recorded{}, err
	}
	// A client remembers the queues that it announced, so each case gets its own.
	client := asynq.NewClient(options)
	defer client.Close()

	recorded := Recorded{Name: given.name}
	before := time.Now()
	for _, task := range given.tasks {
		reply := enqueue.Reply(client, task)
		if info, isTask := reply.OK.(answers.Task); isTask && reply.Error == nil {
			reply.OK = map[string]string{"state": info.State}
		}
		recorded.Tasks = append(recorded.Tasks, task)
		recorded.Replies = append(recorded.Replies, reply)
	}
	keys, err := timeless(ctx, redis, window{before, time.Now()})
	recorded.Keys = keys
	return recorded, err
}

func timeless(ctx context.Context, redis *redis.Client, window window) ([]*dump.Key, error) {
	keys, err := dump.Keys(ctx, redis)
	if err != nil {
		return nil, err
	}
	for _, key := range keys {
		key.TTLMS = nil
		if err := window.replace(key); err != nil {
			return nil, err
		}
	}
	return keys, nil
}
