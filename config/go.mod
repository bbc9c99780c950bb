module github.com/billhook/billhook/config

go 1.26.0

require (
	github.com/billhook/billhook/shared v0.0.0
	github.com/billhook/billhook/streams v0.0.0
	github.com/billhook/billhook/tokens v0.0.0
	github.com/billhook/billhook/streams/natstest v0.0.0
)

replace (
	github.com/billhook/billhook/shared => ../shared
	github.com/billhook/billhook/streams => ../streams
	github.com/billhook/billhook/tokens => ../tokens
	github.com/billhook/billhook/streams/natstest => ../streams/natstest
)
