package dump

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/redis/go-redis/v9"
)

// Key is one key. Of Text, Fields, Items, Members and Scores the one is set that belongs to its type.
type Key struct {
	Key  Bytes  `json:"key"`
	Type string `json:"type"`
	// TTL is the shortest of a few spans that the time to live fits in, so that two dumps a moment apart are equal.
	TTL   string `json:"ttl"`
	TTLMS *int64 `json:"ttl_ms,omitempty"`
	// Text is a string's bytes, or the message it holds.
	Text any `json:"text,omitempty"`
	// Fields are a hash's, by name.
	Fields map[string]any `json:"fields,omitempty"`
	// Items are a list's, from the left.
	Items []any `json:"items,omitempty"`
	// Members are a set's, sorted.
	Members []Bytes `json:"members,omitempty"`
	// Scores are a sorted set's members in its order.
	Scores []Scored `json:"scores,omitempty"`
}

// Scored is a member of a sorted set.
type Scored struct {
	Member any `json:"member"`
	// Score is a float64 as read; whoever knows what it means may put a word in its place.
	Score any `json:"score"`
}

var spans = []struct {
	span time.Duration
	name string
}{
	{10 * time.Second, "10s"},
	{20 * time.Second, "20s"},
	{time.Minute, "1m"},
	{10 * time.Minute, "10m"},
	{time.Hour, "1h"},
	{24 * time.Hour, "1d"},
	{90 * 24 * time.Hour, "90d"},
}

func class(ttl time.Duration) string {
	if ttl < 0 {
		return "none"
	}
	for _, span := range spans {
		if ttl <= span.span {
			return span.name
		}
	}
	return "longer"
}

// holds says which messages a key holds, by its name; nil for none.
func holds(key string) *shape {
	switch {
	case strings.HasPrefix(key, "asynq:servers:{"):
		return serverInfo
	case strings.HasPrefix(key, "asynq:workers:{"):
		return workerInfo
	case strings.HasPrefix(key, "asynq:schedulers:{"):
		return schedulerEntry
	case strings.HasPrefix(key, "asynq:scheduler_history:"):
		return schedulerEvent
	default:
		return nil
	}
}

func value(text string, of *shape) any {
	if of == nil {
		return Bytes(text)
	}
	return decode([]byte(text), of)
}

// read reads a key; a nil answer is a key that has gone meanwhile.
func read(ctx context.Context, client *redis.Client, name string) (*Key, error) {
	kind, err := client.Type(ctx, name).Result()
	if err != nil || kind == "none" {
		return nil, err
	}
	ttl, err := client.PTTL(ctx, name).Result()
	if err != nil {
		return nil, err
	}
	key := &Key{Key: Bytes(name), Type: kind, TTL: class(ttl)}
	if ttl >= 0 {
		ms := ttl.Milliseconds()
		key.TTLMS = &ms
	}
	messages := holds(name)
	switch kind {
	case "string":
		text, err := client.Get(ctx, name).Result()
		key.Text = value(text, messages)
		return key, err
	case "hash":
		fields, err := client.HGetAll(ctx, name).Result()
		key.Fields = hash(fields, messages)
		return key, err
	case "list":
		items, err := client.LRange(ctx, name, 0, -1).Result()
		for _, item := range items {
			key.Items = append(key.Items, value(item, messages))
		}
		return key, err
	case "set":
		members, err := client.SMembers(ctx, name).Result()
		for _, member := range slices.Sorted(slices.Values(members)) {
			key.Members = append(key.Members, Bytes(member))
		}
		return key, err
	case "zset":
		scores, err := client.ZRangeWithScores(ctx, name, 0, -1).Result()
		for _, scored := range scores {
			member, _ := scored.Member.(string)
			key.Scores = append(key.Scores, Scored{value(member, messages), scored.Score})
		}
		return key, err
	default:
		return nil, fmt.Errorf("%q is a %s, which asynq never writes", name, kind)
	}
}

func hash(fields map[string]string, messages *shape) map[string]any {
	values := map[string]any{}
	for name := range maps.Keys(fields) {
		of := messages
		if name == "msg" {
			of = taskMessage
		}
		values[name] = value(fields[name], of)
	}
	return values
}
