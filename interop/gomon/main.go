// Command interop-gomon serves asynqmon 0.7.2, the last release of asynq's web interface, on a port of loopback: a
// reader of our state that pins asynq 0.24.1. Its HTTP API is under /api.
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"os/signal"
	"syscall"

	"github.com/hibiken/asynq"
	"github.com/hibiken/asynqmon"
)

func main() {
	if err := serve(); err != nil {
		fmt.Fprintln(os.Stderr, "interop-gomon:", err)
		os.Exit(1)
	}
}

// serve says {"ready": {"pid": .., "addr": ..}} and goes on until SIGTERM, SIGINT or the end of standard input.
func serve() error {
	redis := flag.String("redis", "127.0.0.1:6379", "`host:port`")
	db := flag.Int("db", 0, "database `number`")
	port := flag.Int("port", 0, "port on loopback; 0 takes a free one")
	flag.Parse()

	stop, cancel := signal.NotifyContext(context.Background(), syscall.SIGTERM, syscall.SIGINT)
	defer cancel()
	listener, err := net.Listen("tcp", fmt.Sprintf("127.0.0.1:%d", *port))
	if err != nil {
		return err
	}
	handler := asynqmon.New(asynqmon.Options{RedisConnOpt: asynq.RedisClientOpt{Addr: *redis, DB: *db}})
	defer handler.Close()
	server := &http.Server{Handler: handler}
	go func() {
		_, _ = io.Copy(io.Discard, os.Stdin)
		cancel()
	}()
	go func() {
		<-stop.Done()
		_ = server.Close()
	}()
	ready := map[string]any{"pid": os.Getpid(), "addr": listener.Addr().String()}
	if err := json.NewEncoder(os.Stdout).Encode(map[string]any{"ready": ready}); err != nil {
		return err
	}
	if err := server.Serve(listener); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return nil
}
