module github.com/billhook/billhook/tools

go 1.26.0
