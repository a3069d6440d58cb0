"""What the LiteLLM proxy of the test loads: its authentication and a callback that logs.

It runs inside of the proxy, in LiteLLM's own environment: it may import nothing of ours.
"""

import json
import os
from typing import Any

from litellm.integrations.custom_logger import CustomLogger  # type: ignore[import-not-found]  # theirs
from litellm.proxy._types import UserAPIKeyAuth  # type: ignore[import-not-found]  # theirs
from litellm.proxy.spend_tracking.spend_tracking_utils import (  # type: ignore[import-not-found]
    get_logging_payload,
)

ACCOUNTS = {"sk-test-alpha-0000000001": "alpha", "sk-test-beta-00000000002": "beta"}


async def authenticate(request: object, api_key: str) -> UserAPIKeyAuth:
    """Know two keys; LiteLLM's own store of keys would need a database."""
    if api_key not in ACCOUNTS:
        raise ValueError("unknown key")
    name = ACCOUNTS[api_key]
    return UserAPIKeyAuth(api_key=api_key, user_id=name, team_id=f"team-{name}", org_id="org-1")


class Writer(CustomLogger):  # type: ignore[misc]  # untyped here
    """Write each exchange twice: as standard payload, and as the row of SpendLogs."""

    async def async_log_success_event(
        self, kwargs: dict[str, Any], response_obj: object, start_time: object, end_time: object
    ) -> None:
        append("payload.jsonl", kwargs["standard_logging_object"])
        append("spend.jsonl", get_logging_payload(kwargs, response_obj, start_time, end_time))

    async def async_log_failure_event(
        self, kwargs: dict[str, Any], response_obj: object, start_time: object, end_time: object
    ) -> None:
        append("payload.jsonl", kwargs["standard_logging_object"])


def append(name: str, record: object) -> None:
    """Add one line; a row that is in the file is there whole."""
    line = json.dumps(record, default=str) + "\n"
    with open(os.path.join(os.environ["LOG_FOLDER"], name), "a") as file:  # noqa: PTH118, PTH123
        file.write(line)


writer = Writer()
