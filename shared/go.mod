module github.com/billhook/billhook/shared

go 1.26.0
