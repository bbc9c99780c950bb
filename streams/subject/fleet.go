package subject

// discovery begins the subjects of the protocol of NATS micro services, which
// is where tools such as "nats micro ls" ask who is there.
const discovery = "$SRV"

// MicroService is what a service is called among the micro services of a NATS
// account.
func MicroService(service string) string { return internal + "-" + service }

// Discovery matches where a service hears who looks for services: all of them,
// those of its name, or one instance of it. No wildcard stands for the verbs: a
// server takes "$SRV.>" for a subject that "$SRV.*" allows.
func Discovery(service string) []string {
	var out []string
	for _, verb := range []string{"INFO", "PING", "STATS"} {
		own := join(discovery, verb, MicroService(service))
		out = append(out, join(discovery, verb), own, join(own, ">"))
	}
	return out
}

// Health is where every instance of a service says whether it is ready.
func Health(service string) string { return join(health, service) }
