package corpus

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"time"

	"github.com/hibiken/asynq"

	"aftercommit/interop/go/dump"
)

// startMax bounds the time that redis-server may take until it answers.
const startMax = 10 * time.Second

type server struct {
	process   *exec.Cmd
	directory string
	options   asynq.RedisClientOpt
}

// startRedis starts redis-server from PATH on a socket in a directory of its own.
func startRedis() (*server, error) {
	directory, err := os.MkdirTemp("", "asynq-corpus-")
	if err != nil {
		return nil, err
	}
	socket := filepath.Join(directory, "redis.sock")
	process := exec.Command("redis-server", "--port", "0", "--unixsocket", socket, "--dir", directory, "--save", "",
		"--appendonly", "no")
	if err := process.Start(); err != nil {
		return nil, errors.Join(err, os.RemoveAll(directory))
	}
	started := &server{process, directory, asynq.RedisClientOpt{Network: "unix", Addr: socket}}
	if err := started.wait(); err != nil {
		started.stop()
		return nil, err
	}
	return started, nil
}

func (s *server) wait() error {
	client := dump.Connect(s.options)
	defer client.Close()
	deadline := time.Now().Add(startMax)
	for {
		err := client.Ping(context.Background()).Err()
		if err == nil {
			return nil
		}
		if time.Now().After(deadline) {
			return fmt.Errorf("redis-server does not answer: %w", err)
		}
		time.Sleep(10 * time.Millisecond)
	}
}

func (s *server) stop() {
	// It holds nothing that anybody wants to keep.
	_ = s.process.Process.Kill()
	_ = s.process.Wait()
	_ = os.RemoveAll(s.directory)
}
