"""Work beside other work: the same result wherever it is done, and faults only where they are asked for."""

from __future__ import annotations

import json
import os
import sys
import threading
from multiprocessing import get_context
from pathlib import Path

import pytest

from random_corpora import written
from retold.report.scores import render_score
from retold.scoring import beside as room
from retold.scoring import score
from retold.scoring.beside import Beside, beside, can_fork

counting = sys.modules["retold.scoring.count"]


def test_work_that_is_worthwhile_is_done_by_another_process(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "can_fork", lambda: True)
    with beside(os.getpid, worthwhile=True) as found:
        assert found.result() != os.getpid()
    with beside(os.getpid, worthwhile=False) as found:
        assert found.result() == os.getpid()


def test_a_process_with_threads_is_not_copied() -> None:
    waiting = threading.Event()
    thread = threading.Thread(target=waiting.wait)
    thread.start()
    try:
        assert not can_fork()
        with beside(os.getpid, worthwhile=True) as found:
            assert found.result() == os.getpid()
    finally:
        waiting.set()
        thread.join()


def test_what_fails_there_fails_where_it_is_asked_for(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(room, "can_fork", lambda: True)

    def work() -> None:
        raise ValueError(f"process {os.getpid()}")

    with beside(work, worthwhile=True) as found, pytest.raises(ValueError, match=str(os.getpid())):
        found.result()
    # Nobody asks: nothing is said, and nobody waits, however much there was to hand over.
    with beside(work, worthwhile=True):
        pass
    with pytest.raises(KeyError), beside(lambda: bytes(1 << 20), worthwhile=True):
        raise KeyError
    assert capfd.readouterr() == ("", "")


def test_a_process_that_may_have_none_of_its_own_scores_alone(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    gold, system = written(tmp_path, 120, 12)
    monkeypatch.setattr(counting, "POOL", 100)
    wanted = render_score(score(system, gold, resamples=10, workers=2), "json")
    with get_context("fork").Pool(1) as pool:
        assert pool.apply(scored, (system, gold)) == wanted


def scored(system: Path, gold: Path) -> str:
    return render_score(score(system, gold, resamples=10, workers=2), "json")


def test_work_of_a_process_that_dies_is_done_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(room, "can_fork", lambda: True)
    here = os.getpid()

    def work() -> int:
        if os.getpid() != here:
            os._exit(1)
        return here

    with beside(work, worthwhile=True) as found:
        assert found.result() == here


def test_a_score_has_the_same_bytes_wherever_its_breakdowns_are_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    gold, system = written(tmp_path, 120, 11)
    # More documents than groups, as in a large corpus.
    monkeypatch.setattr(counting, "POOL", 100)
    begun = []

    class Seen(Beside[object]):
        def result(self) -> object:
            begun.append(self._channel is not None)
            return super().result()

    monkeypatch.setattr(room, "Beside", Seen)
    pages = []
    for fork in (True, False):
        monkeypatch.setattr(room, "can_fork", lambda fork=fork: fork)
        pages.append(render_score(score(system, gold, resamples=50), "json"))
    assert begun == [True, False]
    assert pages[0] == pages[1]
    assert json.loads(pages[0])["breakdowns"]["coreference"]["within"]
