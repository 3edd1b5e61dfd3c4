"""How long hypothesis searches, and how.

What is searched is the same on every run; HYPOTHESIS_PROFILE=deep goes on for long, and
elsewhere each time. NOSHRINK=1 tells a failure as it was found, and at once.
"""

import os

from hypothesis import HealthCheck, Phase, settings

DEEP = os.environ.get("HYPOTHESIS_PROFILE") == "deep"
QUICK = (Phase.generate,) if os.environ.get("NOSHRINK") else ()
SLOW = [HealthCheck.too_slow, HealthCheck.function_scoped_fixture]
LIMIT = 20000 if DEEP else 600  # seconds


def searched(examples: int, steps: int = 1) -> settings:
    """How long to search."""
    return settings(
        max_examples=examples * (40 if DEEP else 1),
        stateful_step_count=steps,
        derandomize=not DEEP,
        database=None,
        deadline=None,
        print_blob=True,
        report_multiple_bugs=False,
        suppress_health_check=SLOW,
        phases=QUICK or tuple(Phase),
    )
