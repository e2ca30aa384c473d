module example.com/hello

go 1.25.0

require (
	github.com/VictoriaMetrics/metrics v1.40.2
	github.com/go-chi/chi/v5 v5.2.3
)

require (
	github.com/valyala/fastrand v1.1.0 // indirect
	github.com/valyala/histogram v1.2.0 // indirect
	golang.org/x/sys v0.35.0 // indirect
)
