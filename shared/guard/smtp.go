package guard

import (
	"fmt"
	"slices"

	"github.com/billhook/billhook/shared/fault"
)

// WebPorts returns the ports that webhooks may be sent to.
func WebPorts() []uint16 { return []uint16{443} }

// MailPorts returns the ports that mail may be sent to.
func MailPorts() []uint16 { return []uint16{25, 465, 587, 2525} }

// CheckSMTP judges the server that a tenant typed for mail and returns its
// host name in ASCII. The pointers of its problems are /host and /port.
func CheckSMTP(host string, port int) (ascii string, problems fault.Problems) {
	ascii, p := CheckHost(host)
	problems = p.At("/host")
	if !slices.ContainsFunc(MailPorts(), func(m uint16) bool { return int(m) == port }) {
		problems = append(problems, fault.Problem{
			Pointer: "/port",
			Rule:    "smtp.port",
			Detail:  fmt.Sprintf("port %d is not allowed; legal are 25, 465, 587 and 2525", port),
		})
	}
	if len(problems) > 0 {
		return "", problems
	}
	return ascii, nil
}
