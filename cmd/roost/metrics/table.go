package metrics

import "github.com/prometheus/client_golang/prometheus"

// family is one name with all its values.
type family struct {
	name   string
	kind   prometheus.ValueType
	help   string
	labels []string
}

const (
	counter = prometheus.CounterValue
	gauge   = prometheus.GaugeValue
)

// families are all that the server writes itself, besides the Go runtime's and the process's own. Names
// end in their unit (https://prometheus.io/docs/practices/naming/).
var families = []family{
	{"roost_build_info", gauge, "1, with the version as labels.", []string{"version", "commit", "go"}},
	{"roost_start_time_seconds", gauge, "When the server started, in Unix time.", nil},
	{"roost_ready", gauge, "1 while the server takes new clients, 0 while it drains or stops.", nil},

	{"roost_connections", gauge, "Open XMPP connections.", nil},
	{"roost_connections_secured", gauge, "Open XMPP connections with TLS.", nil},
	{"roost_connections_accepted_total", counter, "Connections that were accepted.", nil},
	{"roost_connections_dialed_total", counter, "Connections that were made to other servers.", nil},
	{"roost_connections_refused_total", counter, "Connections that were closed at once.", []string{"reason"}},
	{"roost_accept_rests_total", counter, "Times that a listening socket was left alone for a second, because of accept_rate or Memory_Limit.", nil},
	{"roost_connections_overflowed_total", counter, "Connections that were cut because the peer did not read.", nil},
	{"roost_connections_crowded", gauge, "Connections that read more slowly than others send to them.", nil},
	{"roost_sessions", gauge, "Bound sessions.", []string{"state"}},
	{"roost_sessions_slowed_total", counter, "Times that a session was not read from for a while, because it had sent more than stanza_rate or byte_rate.", nil},
	{"roost_logins_delayed_total", counter, "Attempts to log in, and answers to them, that waited for login_rate or after wrong passwords.", nil},
	{"roost_logins_refused_total", counter, "Attempts to log in that were not tried: they would have waited for too long, or there was no memory.", []string{"reason"}},
	{"roost_memory_limit_bytes", gauge, "Resident memory that the server may have; 0 is no limit.", nil},
	{"roost_memory_full", gauge, "1 while nobody new is let in because memory runs out.", nil},
	{"roost_memory_full_total", counter, "Times that this began.", nil},
	{"roost_logins_waiting", gauge, "Attempts to log in that wait for a processor.", nil},

	{"roost_tls_handshakes_total", counter, "TLS handshakes.", []string{"result"}},
	{"roost_tls_handshakes_open", gauge, "TLS handshakes that have begun and are not over.", nil},
	{"roost_tls_handshakes_dropped_total", counter, "TLS handshakes that failed because they waited for their peers when others needed their places.", nil},
	{"roost_tls_certificate_expiry_timestamp_seconds", gauge, "When a certificate ends, in Unix time.", []string{"file"}},

	{"roost_network_bytes_total", counter, "Bytes on XMPP connections.", []string{"direction"}},
	{"roost_network_calls_total", counter, "System calls that moved these bytes.", []string{"direction"}},
	{"roost_stanzas_total", counter, "Stanzas that streams received and that they were given to deliver.", []string{"direction", "kind"}},
	{"roost_panics_total", counter, "Faults of the server that ended one connection each.", nil},

	{"roost_store_changes_total", counter, "Changes of rosters, accounts and stored messages that are on disk.", nil},
	{"roost_store_commits_total", counter, "Flushes to disk that carried them.", nil},
	{"roost_store_size_bytes", gauge, "Size of the store on disk.", nil},
	{"roost_store_free_bytes", gauge, "Free space on its disk.", nil},

	{"roost_roster_requests_total", counter, "Requests to the web application that owns the rosters of a domain.", []string{"domain", "result"}},
	{"roost_roster_request_seconds_total", counter, "Time that these requests took together.", []string{"domain"}},
	{"roost_roster_requests_open", gauge, "Requests that go on.", []string{"domain"}},
	{"roost_roster_requests_waiting", gauge, "Requests that wait for their turn.", []string{"domain"}},
	{"roost_roster_breaker_open", gauge, "1 while the web application is left alone.", []string{"domain"}},
	{"roost_roster_stale_total", counter, "Rosters served although they could not be fetched anew.", []string{"domain"}},
	{"roost_roster_refreshed_total", counter, "Accounts that refreshes have named.", []string{"domain", "result"}},
	{"roost_rosters", gauge, "Rosters of web applications in memory.", []string{"domain", "state"}},

	{"roost_stanza_log_records_total", counter, "Records of xmpp_logger.", []string{"logger", "result"}},
	{"roost_stanza_log_waiting_bytes", gauge, "Bytes that wait to be written.", []string{"logger"}},

	{"roost_s2s_links", gauge, "Ways to and from other domains.", []string{"direction", "state"}},
	{"roost_s2s_waiting", gauge, "Stanzas that wait for a stream to another domain.", nil},
}
