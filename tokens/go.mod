module github.com/billhook/billhook/tokens

go 1.26.0

require (
	github.com/billhook/billhook/shared v0.0.0
)

replace (
	github.com/billhook/billhook/shared => ../shared
)
