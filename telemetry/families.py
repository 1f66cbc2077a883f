"""All metrics of the server. Names, labels and units are part of what operators build on."""

from collections.abc import Mapping

from telemetry.series import CounterFamily, GaugeFamily, HistogramFamily

_MOST_OPERATIONS = 500
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
PROCESSES = GaugeFamily("team_access_processes", "Processes that respond: server or worker.", ("process",))

FAMILIES: Mapping[str, CounterFamily | HistogramFamily | GaugeFamily] = {
    each.name: each
    for each in list(globals().values())
    if isinstance(each, CounterFamily | HistogramFamily | GaugeFamily)
}
