package postfixtest

// mainCF takes mail for example.com from whoever has logged in over TLS, and
// puts it into maildirs. Chroots are off: they would need files of the machine.
const mainCF = `compatibility_level = 3.6
queue_directory = {{.Dir}}/spool
data_directory = {{.Dir}}/data
maillog_file_prefixes = {{.Dir}}
maillog_file = {{.Dir}}/log
mail_owner = postfix
notify_classes =
setgid_group = postdrop
myhostname = {{.Host}}
mydestination =
mynetworks =
inet_interfaces = 127.0.0.1
inet_protocols = ipv4
local_recipient_maps =
virtual_mailbox_domains = example.com
virtual_mailbox_base = {{.Dir}}/mail
virtual_mailbox_maps = inline:{ {{range $i, $p := .People}}{{if $i}}, {{end}}{ {{$p}}@example.com = {{$p}}/ }{{end}} }
virtual_uid_maps = static:65534
virtual_gid_maps = static:65534
virtual_minimum_uid = 1
smtpd_tls_chain_files = {{.Dir}}/cert.pem
smtpd_tls_security_level = encrypt
smtpd_tls_auth_only = yes
smtpd_sasl_auth_enable = yes
smtpd_sasl_type = cyrus
smtpd_sasl_path = smtpd
cyrus_sasl_config_path = {{.Dir}}/etc/sasl
smtpd_relay_restrictions = permit_sasl_authenticated, reject
smtpd_recipient_restrictions = permit_sasl_authenticated, reject
smtpd_forbid_bare_newline = yes
strict_rfc821_envelopes = yes
message_size_limit = 1048576
`

// masterCF has the services that are needed and no other.
const masterCF = `{{.Address}} inet n - n - - smtpd
pickup unix n - n 60 1 pickup
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
tlsmgr unix - - n 1000? 1 tlsmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
verify unix - - n - 1 verify
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
relay unix - - n - - smtp
error unix - - n - - error
retry unix - - n - - error
discard unix - - n - - discard
virtual unix - n n - - virtual
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
postlog unix-dgram n - n - 1 postlogd
`

// saslConf lies in a folder of the configuration: Debian's Postfix looks there and
// nowhere else.
const saslConf = `pwcheck_method: auxprop
auxprop_plugin: sasldb
sasldb_path: {{.Dir}}/sasldb
mech_list: PLAIN LOGIN CRAM-MD5 SCRAM-SHA-1 SCRAM-SHA-256
`
