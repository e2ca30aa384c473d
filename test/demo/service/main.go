// Command hello is the sample service that `make demo` builds: a small HTTP service with routes, metrics and
// a graceful stop. Its image has a real `go mod download` step and a real `go build` step.
package main

import (
	"context"
	"errors"
	"log/slog"
	"net/http"
	"os"
	"os/signal"
	"syscall"
	"time"
)

func main() {
	log := slog.New(slog.NewJSONHandler(os.Stdout, nil))
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	if err := serve(ctx, log, address()); err != nil {
		log.Error("hello stopped", "error", err)
		os.Exit(1)
	}
}

// address returns the address to listen on, with the port in the variable PORT. The default is 8080.
func address() string {
	if port := os.Getenv("PORT"); port != "" {
		return ":" + port
	}
	return ":8080"
}

// serve answers requests until ctx ends. It then gives running requests five seconds to finish.
func serve(ctx context.Context, log *slog.Logger, addr string) error {
	server := &http.Server{Addr: addr, Handler: routes(log), ReadHeaderTimeout: 5 * time.Second}
	stopped := make(chan error, 1)
	go func() {
		<-ctx.Done()
		grace, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		defer cancel()
		stopped <- server.Shutdown(grace)
	}()
	log.Info("hello listens", "address", addr)
	if err := server.ListenAndServe(); !errors.Is(err, http.ErrServerClosed) {
		return err
	}
	return <-stopped
}
