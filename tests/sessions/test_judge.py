"""The judge: our stores lose nothing, and it sees what a store that writes whole sessions loses."""

from __future__ import annotations

import pytest

from tests.sessions.judge import OURS, judge
from tests.stores.servers import MissingError

pytestmark = pytest.mark.timeout(300)


@pytest.mark.parametrize("name", OURS)
def test_nothing_is_lost(name: str) -> None:
    try:
        verdict = judge(name, processes=4, each=40)
    except MissingError as error:
        pytest.skip(str(error))
    assert verdict.sent == 160
    assert verdict.lost == (0, 0, 0)


def test_the_judge_sees_what_is_lost() -> None:
    verdict = judge("naive", processes=4, each=40)
    assert all(lost > 0 for lost in verdict.lost)
