"""All metrics of the server. Names, labels and units are part of what operators build on."""

from collections.abc import Mapping

from telemetry.series import CounterFamily, GaugeFamily, HistogramFamily

_MOST_OPERATIONS = 500
_STATEMENT_SECONDS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.1, 0.5, 2.5, 10)
_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10)

OPERATION_SECONDS = HistogramFamily(
    "team_access_operation_seconds",
    "Duration of GraphQL operations, from their execution to their encoded answer. Of subscriptions, the time"
    " to the first answer.",
    _SECONDS,
    ("operation", "kind"),
    _MOST_OPERATIONS,
)
OPERATION_COST = CounterFamily(
    "team_access_operation_cost_total",
    "Sum of the costs of executed GraphQL operations.",
    ("operation", "kind"),
    _MOST_OPERATIONS,
)
OPERATION_ERRORS = CounterFamily(
    "team_access_operation_errors_total",
    "Answers with an error of this code, also to requests that were refused before they were read.",
    ("code",),
)
EXECUTIONS = CounterFamily(
    "team_access_executions_total",
    "GraphQL operations by executor, compiled or graphql-core, with the reason why the latter executed them.",
    ("executor", "reason"),
)
HTTP_RESPONSES = CounterFamily(
    "team_access_http_responses_total", "HTTP responses of all endpoints, by status.", ("status",)
)
RATE_LIMITED = CounterFamily(
    "team_access_rate_limited_total",
    "Requests that a rate limit refused: of a credential, an address or a license_key. With shedding, they"
    " were refused before they were read.",
    ("limit",),
)
SECURITY_EVENTS = CounterFamily(
    "team_access_security_events_total", "Lines of the security log, by event.", ("event",)
)
STATEMENT_SECONDS = HistogramFamily(
    "team_access_statement_seconds",
    "Duration of SQL statements that read, without the wait for a connection.",
    _STATEMENT_SECONDS,
)
CHANGE_STATEMENTS = CounterFamily(
    "team_access_change_statements_total", "SQL statements in the transactions of changes."
)
CHANGE_SECONDS = HistogramFamily(
    "team_access_change_seconds",
    "Duration of the transactions of changes, from BEGIN until they were committed or rolled_back.",
    _SECONDS,
    ("outcome",),
)
POOL_WAIT_SECONDS = HistogramFamily(
    "team_access_pool_wait_seconds",
    "Waits for a connection of a pool, reading or changes. Who gets one at once does not wait.",
    _SECONDS,
    ("pool",),
)
POOL_WAITING = GaugeFamily(
    "team_access_pool_waiting", "Statements, or changes, that wait for a connection of a pool.", ("pool",)
)
POOL_CONNECTIONS = GaugeFamily(
    "team_access_pool_connections", "Connections of a pool that are in use.", ("pool",)
)
POOL_SIZE = GaugeFamily("team_access_pool_size", "Maximum number of connections of a pool.", ("pool",))
API_CALL_BATCH = HistogramFamily(
    "team_access_api_call_commit_size",
    "Events of API calls that were committed by one statement.",
    (1, 2, 4, 8, 16, 32, 64, 128, 256, 512),
)
WEBSOCKETS = GaugeFamily("team_access_websockets", "Open WebSockets and streams of subscriptions.")
JOB_SECONDS = HistogramFamily(
    "team_access_job_seconds",
    "Duration of the runs of periodic jobs that succeeded or failed.",
    (0.01, 0.1, 0.5, 1, 5, 10, 30, 60),
    ("job", "outcome"),
)
EMAILS = CounterFamily(
    "team_access_emails_total", "Attempts to deliver an email: sent, deferred or rejected.", ("outcome",)
)
DELIVERIES = CounterFamily(
    "team_access_audit_stream_deliveries_total",
    "Attempts to deliver a batch of events to an audit stream: taken, failed or gone.",
    ("outcome",),
)
VERIFIED_EVENTS = CounterFamily(
    "team_access_audit_verified_events_total", "Events of audit logs that were verified."
)
BROKEN_VERIFICATIONS = CounterFamily(
    "team_access_audit_broken_verifications_total",
    "Verifications that found an event which was changed, removed or added.",
)
DATABASE_UP = GaugeFamily(
    "team_access_database_up", "Whether the exporter could read the values of the database: 1 or 0."
)
EMAIL_QUEUE = GaugeFamily(
    "team_access_email_queue_jobs", "Emails in the queue: queued, picked by a worker, or failed.", ("status",)
)
EMAIL_OLDEST_SECONDS = GaugeFamily(
    "team_access_email_queue_oldest_seconds", "Age of the oldest email in the queue; 0 without one."
)
STREAMS = GaugeFamily(
    "team_access_audit_streams", "Audit streams by status: active, failing, paused or ended.", ("status",)
)
STREAM_WAITING = GaugeFamily(
    "team_access_audit_stream_waiting_events", "Events after those that active audit streams have delivered."
)
STREAM_OLDEST_SECONDS = GaugeFamily(
    "team_access_audit_stream_oldest_event_seconds",
    "Age of the oldest event that an active audit stream has not passed; 0 without one.",
)
BROKEN_LOGS = GaugeFamily(
    "team_access_audit_broken_logs", "Long audit logs in which the job found a broken event."
)
VERIFICATION_OLDEST_SECONDS = GaugeFamily(
    "team_access_audit_verification_oldest_seconds",
    "Time since the job has last verified a part of the long audit log that has waited longest.",
)
PROCESSES = GaugeFamily("team_access_processes", "Processes that respond: server or worker.", ("process",))

FAMILIES: Mapping[str, CounterFamily | HistogramFamily | GaugeFamily] = {
    each.name: each
    for each in list(globals().values())
    if isinstance(each, CounterFamily | HistogramFamily | GaugeFamily)
}
