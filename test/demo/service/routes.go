package main

import (
	"fmt"
	"log/slog"
	"net/http"

	"github.com/VictoriaMetrics/metrics"
	"github.com/go-chi/chi/v5"
	"github.com/go-chi/chi/v5/middleware"
)

// routes serves /hello/NAME, /healthz and /metrics.
func routes(log *slog.Logger) http.Handler {
	measured := metrics.NewSet()
	greetings := measured.NewCounter("hello_greetings_total")

	router := chi.NewRouter()
	router.Use(middleware.RequestID, middleware.Recoverer)
	router.Get("/healthz", func(w http.ResponseWriter, _ *http.Request) { w.WriteHeader(http.StatusNoContent) })
	router.Get("/metrics", func(w http.ResponseWriter, _ *http.Request) {
		measured.WritePrometheus(w)
		metrics.WriteProcessMetrics(w)
	})
	router.Get("/hello/{name}", func(w http.ResponseWriter, r *http.Request) {
		greetings.Inc()
		name := chi.URLParam(r, "name")
		log.Info("greeted", "name", name, "request", middleware.GetReqID(r.Context()))
		fmt.Fprintln(w, greet(name))
	})
	return router
}
