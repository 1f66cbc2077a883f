"""Readiness endpoint for load balancers: whether this process can serve requests, and the problem if not."""

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import BaseRoute, Route

from engine.outages import RETRY_AFTER_SECONDS
from web.app_state import State
from web.job_worker import JobWorkerState

_JOB_WORKER_DOWN = {
    JobWorkerState.STARTING: "The job worker is starting: emails and other jobs are delayed until it runs.",
    JobWorkerState.ENDED: (
        "The job worker has ended and is being restarted: emails and other jobs are delayed until it runs."
    ),
}


def routes() -> list[BaseRoute]:
    return [Route("/health", health)]


async def health(request: Request) -> Response:
    """200 with status `ok`, or `degraded` while only the job worker is down; 503 with status `unavailable`
    where requests cannot be served."""
    state: State = request.app.state.team_access
    problem = await state.readiness.problem()
    if problem is not None:
        return _answer("unavailable", [problem])
    worker_problem = _JOB_WORKER_DOWN.get(state.worker_status.state)
    return _answer("degraded", [worker_problem]) if worker_problem else _answer("ok", [])


def _answer(status: str, problems: list[str]) -> Response:
    headers = {"cache-control": "no-store"}
    if status == "unavailable":
        headers["retry-after"] = str(RETRY_AFTER_SECONDS)
    return JSONResponse(
        {"status": status, "problems": problems}, 503 if status == "unavailable" else 200, headers
    )
