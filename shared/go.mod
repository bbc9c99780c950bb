module github.com/billhook/billhook/shared

go 1.26.0

require (
	github.com/caarlos0/env/v11 v11.4.2
	github.com/rs/zerolog v1.35.1
	pgregory.net/rapid v1.3.0
)

require (
	github.com/mattn/go-colorable v0.1.14 // indirect
	github.com/mattn/go-isatty v0.0.20 // indirect
	golang.org/x/sys v0.49.0 // indirect
)
