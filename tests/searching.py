"""How long hypothesis searches, and how.

What is searched is the same on every run, so a failure comes again. `make test` reports
it as it was found, at once. `make attack` goes on for longer, and then looks for the
smallest example that fails, which takes minutes. HYPOTHESIS_PROFILE=deep searches for
hours, and elsewhere each time.
"""

import os

from effort import FULL, rounds
from hypothesis import HealthCheck, Phase, settings

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
PHASES = tuple(Phase) if FULL or DEEP else (Phase.explicit, Phase.generate)
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
LIMIT = 20000 if DEEP else rounds(600, 3600)  # seconds
TIMES = 40 if DEEP else 1


def searched(daily: int, full: int, steps: int = 1) -> settings:
    """How long to search.

    Args:
        daily: Examples in `make test`.
        full: Examples in `make attack`.
        steps: The length of an example that is a story.
    """
    return settings(
        max_examples=rounds(daily, full) * TIMES,
        stateful_step_count=steps,
        derandomize=not DEEP,
        database=None,
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=SLOW,
        phases=PHASES,
    )
