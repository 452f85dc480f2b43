// Package dump prints what is in a database, key by key, as JSON that two writers of the same thing get the same of.
package dump

import (
	"context"
	"encoding/json"
	"flag"
	"os"
	"slices"

	"github.com/hibiken/asynq"
	"github.com/redis/go-redis/v9"

	"aftercommit/interop/common/conn"
)

// Main prints {"keys": [..]}.
func Main(args []string) error {
	var flags conn.Flags
	set := flag.NewFlagSet("dump", flag.ExitOnError)
	flags.Register(set)
	exact := set.Bool("exact", false, "print times to live in milliseconds too")
	if err := set.Parse(args); err != nil {
		return err
	}
	client := Connect(flags.Options())
	defer client.Close()
	keys, err := Keys(context.Background(), client)
	if err != nil {
		return err
	}
	if !*exact {
		for _, key := range keys {
			key.TTLMS = nil
		}
	}
	return json.NewEncoder(os.Stdout).Encode(map[string][]*Key{"keys": keys})
}

// Connect opens the database that asynq's options mean.
func Connect(options asynq.RedisClientOpt) *redis.Client {
	return redis.NewClient(&redis.Options{Network: options.Network, Addr: options.Addr, DB: options.DB})
}

// Keys reads every key, sorted by name.
func Keys(ctx context.Context, client *redis.Client) ([]*Key, error) {
	var names []string
	scan := client.Scan(ctx, 0, "*", 1000).Iterator()
	for scan.Next(ctx) {
		names = append(names, scan.Val())
	}
	if err := scan.Err(); err != nil {
		return nil, err
	}
	slices.Sort(names)
	keys := make([]*Key, 0, len(names))
	// A scan may say a name twice.
	for _, name := range slices.Compact(names) {
		key, err := read(ctx, client, name)
		if err != nil {
			return nil, err
		}
		if key != nil {
			keys = append(keys, key)
		}
	}
	return keys, nil
}
