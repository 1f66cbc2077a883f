"""Endpoints for load balancers: whether this process runs, and whether it can serve requests."""

from collections.abc import Mapping

from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import BaseRoute, Route

from engine.outages import RETRY_AFTER_SECONDS
from web.app_state import State
from web.background_process import ProcessState

PATHS = ("/health", "/livez", "/readyz")
_ENDING = "The server is shutting down."
_JOB_WORKER_DOWN = {
    ProcessState.STARTING: "The job worker is starting: emails and other jobs are delayed until it runs.",
    ProcessState.ENDED: (
        "The job worker has ended and is being restarted: emails and other jobs are delayed until it runs."
    ),
}


def routes() -> list[BaseRoute]:
    return [Route("/health", health), Route("/livez", alive), Route("/readyz", ready)]


async def alive(_request: Request) -> Response:
    """200 while the process handles requests, whatever the state of the database."""
    return PlainTextResponse("ok\n", headers={"cache-control": "no-store"})


async def ready(request: Request) -> Response:
    """200 where new requests can be served, otherwise 503. `checks` has the reason of each check that
    failed, and null for the others."""
    state: State = request.app.state.team_access
    readiness = await state.readiness_probe.readiness()
    checks = {
        "database": readiness.database,
        "tables": readiness.tables,
        "shutdown": _ENDING if request.app.state.is_ending else None,
    }
    is_ready = not any(checks.values())
    return _answer({"status": "ready" if is_ready else "not_ready", "checks": checks}, is_available=is_ready)


async def health(request: Request) -> Response:
    """200 with status `ok`, or `degraded` while only the job worker is down; 503 with status `unavailable`
    where requests cannot be served."""
    state: State = request.app.state.team_access
    problem = (await state.readiness_probe.readiness()).database
    if request.app.state.is_ending:
        problem = _ENDING
    if problem is not None:
        return _answer({"status": "unavailable", "problems": [problem]}, is_available=False)
    worker_problem = _JOB_WORKER_DOWN.get(state.worker_status.state)
    problems = [worker_problem] if worker_problem else []
    return _answer({"status": "degraded" if problems else "ok", "problems": problems}, is_available=True)


def _answer(content: Mapping[str, object], *, is_available: bool) -> Response:
    headers = {"cache-control": "no-store"}
    if not is_available:
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    return JSONResponse(content, 200 if is_available else 503, headers)
