"""Looking for what an import created, until Brevo shows all of it, or nobody new any more."""

import time
from bisect import bisect_right
from collections.abc import Callable, Sized

# An import is looked for at these distances, in seconds: "usually within a minute" it has ended, by Brevo's help
# (article 32331116133522, November 2026). What became of whom Brevo does not show then is unknown.
GAPS = (0.5, 1.0, 1.5, 2.5, 4.0, 6.0, 9.0, 13.0, 20.0, 30.0, 45.0)
# After so many looks in a row that show nobody new, an import that has shown somebody is over.
SILENT_LOOKS = 2


def look_until_shown(
    missing: Sized, look: Callable[[], bool], rest: Callable[[float], None], expected: float = 0.0
) -> float:
    """Look until nobody is ``missing``, or nobody new is shown; the gap grows with each look that shows nobody.

    ``look`` takes out of ``missing`` whom Brevo shows, and tells whether Brevo answered at all. ``expected``: after
    how many seconds the last such import was shown. Return the same of this one, or 0 if nobody was shown.
    """
    started, shown_after, silent = time.monotonic(), 0.0, 0
    gaps = iter(GAPS[max(bisect_right(GAPS, expected) - 1, 0) :])
    gap = next(gaps)
    while missing and gap and silent < SILENT_LOOKS:
        rest(gap)
        before = len(missing)
        answered = look()
        if len(missing) < before:
            shown_after, silent = shown_after or time.monotonic() - started, 0
        else:
            gap, silent = next(gaps, 0.0), silent + bool(shown_after and answered)
    return shown_after
