"""Prefect's own API: what it raises in our words, and whether this run is one that it can start again."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from uuid import UUID

import httpx
from prefect.context import FlowRunContext
from prefect.exceptions import ObjectNotFound

from connectors.errors import NotFound, RotationError, Unknown, Unreachable


@contextmanager
def told(operation: str, advice: str) -> Iterator[None]:
    """Turn what Prefect's client raises into our errors, with what is to be done then.

    Raises Unreachable when the API does not answer, NotFound for what it does not have, Unknown when it refuses.
    """
    problem: RotationError
    try:
        yield
    except httpx.HTTPStatusError as error:
        status = error.response.status_code
        kind = Unreachable if status == httpx.codes.TOO_MANY_REQUESTS or status >= 500 else Unknown
        problem = kind("prefect", operation, status=status, advice=advice)
    except httpx.HTTPError as error:
        problem = Unreachable("prefect", operation, cause=type(error).__name__, advice=advice)
    except ObjectNotFound:
        problem = NotFound("prefect", operation, advice=advice)
    else:
        return
    raise problem


def deployment_of_this_run() -> UUID | None:
    """Return the deployment that has started this run; None for any other, a run within a run among them.

    Only a run of a deployment can be suspended. Prefect is not asked, whose API may be away:
    ``prefect.runtime.deployment`` would, and would name the deployment of the run around this one.
    """
    context = FlowRunContext.get()
    run = context.flow_run if context else None
    return run.deployment_id if run else None
