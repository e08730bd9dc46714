"""The guard: which copies of the labels a system may not open, what folds cannot leave each other, what is let through.

docs/guard.md lists what it does not stop; a test for each row shows that it is so. A row that stops being true is good
news: it moves to what is refused.
"""

from __future__ import annotations

import contextlib
import gc
import http.server
import json
import os
import re
import shutil
import signal
import subprocess
import sys
import threading
import time
import zipfile
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from retold.corpus.load import Corpus, load_corpus, packaged_corpus
from retold.model.annotations import AnnotationRecord, Document
from retold.systems import Context, System, SystemFault, load_system, predictions, run_system

ROOT = Path(__file__).resolve().parents[2]
EVENT = Path("events") / "macron-coalition"
GOLD = packaged_corpus() / EVENT / "gold.jsonl"
EMPTY = "from retold.model.annotations import AnnotationRecord\n"


def mine(folder: Path, body: str, protocol: str = "zero-shot") -> System:
    """A system that runs ``body`` and gives an empty record."""
    lines = [*body.splitlines(), "return AnnotationRecord(document_id=document.document_id)"]
    text = "".join(f"    {line}\n" for line in lines)
    path = folder / "mine.py"
    head = f'NAME = "mine"\nDESCRIPTION = ""\nPROTOCOL = "{protocol}"\n'
    path.write_text(f"{head}{EMPTY}def predict(document, context):\n{text}", encoding="utf-8")
    return load_system(path)


@pytest.fixture(scope="module")
def copies(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """A checkout beside the package, as it is and of another version, and what ``datasets`` keeps of it."""
    datasets = pytest.importorskip("datasets")
    folder = tmp_path_factory.mktemp("copies")
    checkout, older = folder / "corpus", folder / "older" / "corpus"
    for copy in (checkout, older):
        shutil.copytree(packaged_corpus(), copy)
    for path in (older / EVENT / "gold.jsonl", older / "views" / "stance.jsonl"):
        path.write_bytes(path.read_bytes().replace(b"against", b"favor", 1))
    shutil.copy(GOLD, folder / "notes.txt")
    shutil.copy(older / "views" / "stance.jsonl", folder / "old-view.txt")
    cache = folder / "cache"
    rows = datasets.load_dataset(str(checkout), "stance", split="test", cache_dir=str(cache))
    claims = datasets.load_dataset(str(checkout), "claim_texts", split="test", cache_dir=str(cache))
    rows.to_parquet(folder / "rows.parquet")
    arrow, claim_arrow = (Path(each.cache_files[0]["filename"]) for each in (rows, claims))
    shutil.copy(arrow, folder / "weights.bin")
    return {
        "folder": folder, "checkout": checkout, "older": older, "cache": cache, "arrow": arrow, "claims": claim_arrow,
    }  # fmt: skip


#: Ways to labels, with the places of ``copies``.
WAYS = {
    "the checkout": "open('{checkout}/events/macron-coalition/gold.jsonl')",
    "a checkout of another version": "open('{older}/events/macron-coalition/gold.jsonl')",
    "its annotators": "open('{older}/events/macron-coalition/annotators/reader-1.jsonl')",
    "its views": "open('{older}/views/verification.jsonl')",
    "a copy under another name": "open('{folder}/notes.txt', 'rb')",
    "an old view under another name": "open('{folder}/old-view.txt', 'rb')",
    "load_corpus": "import retold; retold.load_corpus('{checkout}').gold",
    "load_corpus of another version": "import retold; retold.load_corpus('{older}').gold",
    "load_dataset": "import datasets; datasets.load_dataset('{checkout}', 'stance', cache_dir='{folder}/new')",
    "load_dataset from the cache": "from datasets import load_dataset; "
    "load_dataset('{checkout}', 'stance', cache_dir='{cache}')",
    "an Arrow file of the cache": "import datasets; datasets.Dataset.from_file('{arrow}')",
    "an Arrow file in memory": "import datasets; datasets.Dataset.from_file('{arrow}', in_memory=True)",
    "an Arrow file of claims": "open('{claims}', 'rb')",
    "a renamed Arrow file": "open('{folder}/weights.bin', 'rb')",
    "views as Parquet": "import datasets; datasets.load_dataset('parquet', data_files='{folder}/rows.parquet')",
}


@pytest.mark.parametrize("way", list(WAYS))
def test_every_copy_of_the_labels_is_refused(way: str, copies: dict[str, Any], tmp_path: Path) -> None:
    # Even if the system takes no notice.
    body = f"try:\n    {WAYS[way].format(**copies)}\nexcept BaseException:\n    pass"
    with pytest.raises(SystemFault, match=r"mine at macron-coalition-0: it opens \S+ (of|in a copy of) the corpus"):
        list(predictions(mine(tmp_path, body), load_corpus()))


@pytest.mark.parametrize(
    "way", ["io.FileIO(pathlib.Path(GOLD))", "io.FileIO(GOLD.encode())", "os.open(pathlib.Path(GOLD), 0)"]
)
def test_a_path_of_any_type_is_refused(way: str, tmp_path: Path) -> None:
    with pytest.raises(SystemFault, match=r"it opens gold\.jsonl of the corpus"):
        list(predictions(mine(tmp_path, f"import io, os, pathlib\nGOLD = {str(GOLD)!r}\n{way}"), load_corpus()))


#: Ways to read while no task is performed: what the module of the system does, and what predicting does.
BETWEEN = {
    "after a fork": ("os.register_at_fork(after_in_child=steal)", "pass"),
    "at the flush": ("", "import sys\nsys.stdout = between.Out()"),
    "in a thread": ("", "import threading\nthreading.Thread(target=between.later, daemon=True).start()"),
}
HELPER = """
import os, time
from retold.systems import guard
def steal():
    open({gold!r}).read()
    os.write(2, b"stolen")
def later():
    while guard._watch is not None:
        time.sleep(0.001)
    steal()
class Out:
    write = len
    def flush(self):
        steal()
"""


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
@pytest.mark.parametrize("protocol", ["zero-shot", "leave-one-document-out"])
@pytest.mark.parametrize("way", list(BETWEEN))
def test_labels_are_refused_between_tasks(way: str, protocol: str, tmp_path: Path) -> None:
    top, body = BETWEEN[way]
    path, _ = mine(tmp_path, body, protocol).file or (Path(), None)
    path.write_text(f"import between\n{path.read_text()}", encoding="utf-8")
    (tmp_path / "between.py").write_text(f"{HELPER.format(gold=str(GOLD))}{top}\n", encoding="utf-8")
    places = os.pathsep.join([str(tmp_path), *filter(None, sys.path)])
    command = [sys.executable, "-m", "retold", "run", str(path), "--output", str(tmp_path / "out")]
    done = subprocess.run(
        command, env={**os.environ, "PYTHONPATH": places}, capture_output=True, text=True, check=False
    )
    assert "stolen" not in done.stderr
    if way == "after a fork":
        assert "it opens gold.jsonl of the corpus" in done.stderr


def test_other_files_may_be_opened(tmp_path: Path, copies: dict[str, Any]) -> None:
    # Answers of another system, data of one's own in folders of these names, an empty file, weights, the guideline.
    (tmp_path / "views").mkdir()
    (tmp_path / "events").mkdir()
    answer = json.dumps({"document_id": "macron-coalition-0", "stance": []}) * 3
    files = {"predictions.jsonl": answer, "views/mine.json": "x" * 99, "events/mine.json": "x" * 99, "empty": ""}
    for name, text in files.items():
        (tmp_path / name).write_text(text, encoding="utf-8")
    (tmp_path / "weights").write_bytes(bytes(GOLD.stat().st_size))
    paths = [*(str(tmp_path / name) for name in (*files, "weights")), str(copies["checkout"] / "GUIDELINES.md")]
    body = f"for path in {paths}:\n    open(path, 'rb').read()\nopen({str(tmp_path / 'new')!r}, 'w').write('x')"
    assert len(list(predictions(mine(tmp_path, body), load_corpus()))) == 5


# --- Folds ------------------------------------------------------------------------------------------------------------

#: How a fold may leave gold to the next; each is told whether the document's own gold is among it.
LEFT = {
    "a module of the standard library": "import json as place\nseen = vars(place).setdefault('seen', {})",
    "a module of its own making": "import sys, types\n"
    "seen = vars(sys.modules.setdefault('hoard', types.ModuleType('hoard'))).setdefault('seen', {})",
    "a class of Retold": "seen = vars(__import__('retold').systems.interface).setdefault('seen', {})",
    "the environment": "import os, json\nseen = json.loads(os.environ.get('SEEN', '{}'))",
    "the cache": "import json\ncontext.cache.mkdir(parents=True, exist_ok=True)\nfile = context.cache / 'seen'\n"
    "seen = json.loads(file.read_text()) if file.exists() else {}",
}
KEEP = (
    "assert document.document_id not in seen\n"
    "for example in context.training:\n"
    "    seen[example.document.document_id] = str(example.gold)\n"
    "if 'os' in dir():\n    os.environ['SEEN'] = json.dumps(seen)\n"
    "if 'file' in dir():\n    file.write_text(json.dumps(seen))"
)


@pytest.mark.parametrize("way", list(LEFT))
def test_a_fold_leaves_nothing_to_the_next(way: str, tmp_path: Path) -> None:
    system = mine(tmp_path, f"{LEFT[way]}\n{KEEP}", "leave-one-document-out")
    for _ in range(2):
        assert len(list(predictions(system, load_corpus(), cache=tmp_path / "cache"))) == 5


@pytest.mark.parametrize("protocol", ["zero-shot", "leave-one-document-out"])
def test_the_caches_of_other_folds_are_refused(protocol: str, tmp_path: Path) -> None:
    keep = "context.cache.mkdir(parents=True, exist_ok=True)\n(context.cache / 'seen').write_text('gold')"
    list(predictions(mine(tmp_path, keep, "leave-one-document-out"), load_corpus(), cache=tmp_path / "cache"))
    kept = sorted((tmp_path / "cache").rglob("seen"))
    assert len(kept) == 5
    look = f"import pathlib\nfor path in {list(map(str, kept))}:\n    pathlib.Path(path).read_text()"
    with pytest.raises(SystemFault, match="it opens seen in the cache of another document"):
        list(predictions(mine(tmp_path, look, protocol), load_corpus(), cache=tmp_path / "cache"))


def test_a_control_has_a_cache_of_its_own(tmp_path: Path) -> None:
    # What learning from true labels left there must not help on shuffled ones.
    body = "context.cache.mkdir(parents=True)\n"
    system = mine(tmp_path, body, "leave-one-document-out")
    for control, seed in ((None, 0), ("shuffled", 0), ("shuffled", 1)):
        list(predictions(system, load_corpus(), seed, control=control, cache=tmp_path / "cache"))
    with pytest.raises(SystemFault, match="FileExistsError"):
        list(predictions(system, load_corpus(), 7, cache=tmp_path / "cache"))


#: Looks through all that a process knows for the gold of the document.
SEARCH = (
    "import gc, sys\n"
    "frame, frames = sys._getframe(), []\n"
    "while frame:\n    frames.append(frame)\n    frame = frame.f_back\n"
    "known = [*gc.get_objects(), *(value for frame in frames for value in frame.f_locals.values())]\n"
    "found = [each for each in known if type(each).__name__ == 'AnnotationRecord'"
    " and each.document_id == document.document_id]\n"
    "held = [each for each in known if isinstance(each, bytes)"
    ' and b\'{"document_id":"\' + document.document_id.encode() + b\'","entities"\' in each]\n'
    "print('gold', bool(found or held))"
)


@pytest.mark.parametrize("protocol", ["zero-shot", "leave-one-document-out"])
def test_the_process_of_a_fold_does_not_hold_the_gold_of_its_document(
    protocol: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    corpus = load_corpus()
    assert corpus.gold
    list(predictions(mine(tmp_path, SEARCH, protocol), corpus))
    assert capsys.readouterr().err.splitlines() == ["gold False"] * 5


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_what_a_system_imports_is_imported_once_for_all_folds(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    # Once by Retold's own process, which reads the name of the system, and once for the five folds.
    log = tmp_path / "log"
    (tmp_path / "heavy_thing.py").write_text(f"open({str(log)!r}, 'a').write('.')\nVALUE = 1\n", encoding="utf-8")
    monkeypatch.syspath_prepend(tmp_path)
    path, _ = mine(tmp_path, "assert heavy_thing.VALUE", "leave-one-document-out").file or (Path(), None)
    path.write_text(f"import heavy_thing\n{path.read_text()}", encoding="utf-8")
    assert len(list(predictions(load_system(path), load_corpus()))) == 5
    assert log.read_text() == ".."


# --- Processes --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("body", "words"),
    [
        ("import os; os._exit(3)", r"its process ended \(exit code 3\)"),
        ("import os; os.kill(os.getpid(), 9)", r"its process ended \(exit code (137|-9)\)"),
        ("class Odd(BaseException):\n    pass\nraise Odd('odd')", "mine: Odd at macron-coalition-0: odd"),
        ("raise KeyboardInterrupt", "KeyboardInterrupt"),
        ("raise GeneratorExit", "GeneratorExit"),
        ("raise ValueError(chr(0xD800))", r"ValueError at macron-coalition-0: \\ud800"),
        ("class Mute(Exception):\n    def __str__(self):\n        return 1 / 0\nraise Mute", "Mute"),
        ("class Mute(Exception):\n    def __str__(self):\n        raise SystemExit\nraise Mute", "Mute"),
        (
            "import contextlib, os\nfor each in range(3, 30):\n"
            "    with contextlib.suppress(OSError):\n        os.write(each, bytes(7) + b'\\5hello')",
            "wrote to a file descriptor that it did not open",
        ),
        ("def deep():\n    return deep()\ndeep()", "RecursionError"),
        ("import sys\nsys.stdout = sys.stderr = None\nraise ValueError('x')", "x"),
    ],
)
@pytest.mark.parametrize("protocol", ["zero-shot", "leave-one-document-out"])
def test_however_a_system_ends_it_is_told_as_a_fault(body: str, words: str, protocol: str, tmp_path: Path) -> None:
    with pytest.raises(SystemFault, match=words):
        list(predictions(mine(tmp_path, body, protocol), load_corpus()))


def test_a_report_that_cannot_be_written_is_a_fault(tmp_path: Path) -> None:
    system = mine(tmp_path, "pass")
    path, _ = system.file or (Path(), None)
    with path.open("a", encoding="utf-8") as stream:
        stream.write("def report():\n    return {'model': chr(0xD800)}\n")
    with pytest.raises(SystemFault, match=r"report\(\) must return a dict that JSON can hold"):
        run_system(load_system(path), load_corpus(), tmp_path / "out")


def test_what_a_system_prints_comes_in_order_whole_and_from_threads(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    body = (
        "import sys, threading\n"
        "print('é🌊', end='', flush=True)\nsys.stdout.buffer.write('ü\\n'.encode())\n"
        "threads = [threading.Thread(target=print, args=('x' * 70000,)) for _ in range(4)]\n"
        "[each.start() for each in threads]\n[each.join() for each in threads]"
    )
    list(predictions(mine(tmp_path, body), load_corpus()))
    printed = capsys.readouterr().err
    assert printed.count("x") == 5 * 4 * 70000
    assert printed.count("é🌊ü\n") == 5


@pytest.mark.skipif(not Path("/proc").is_dir(), reason="looks into /proc")
@pytest.mark.parametrize("protocol", ["zero-shot", "leave-one-document-out"])
@pytest.mark.parametrize("end", [lambda run: os.kill(run, signal.SIGKILL), lambda run: os.killpg(run, signal.SIGTERM)])
def test_processes_end_with_their_parent(end: Callable[[int], None], protocol: str, tmp_path: Path) -> None:
    # The system writes which process it is, and never ends; the parent is killed, or all of its group are told to end.
    body = f"import os, time\nopen({str(tmp_path / 'pids')!r}, 'w').write(f'{{os.getpid()}} {{os.getppid()}}\\n')\n"
    path = (mine(tmp_path, f"{body}time.sleep(600)", protocol).file or (Path(), None))[0]
    command = [sys.executable, "-m", "retold", "run", str(path), "--output", str(tmp_path / "out")]
    places = os.pathsep.join(filter(None, sys.path))
    with subprocess.Popen(command, env={**os.environ, "PYTHONPATH": places}, start_new_session=True) as parent:
        wait_for(lambda: (tmp_path / "pids").is_file() and (tmp_path / "pids").read_text().endswith("\n"))
        processes = [int(each) for each in (tmp_path / "pids").read_text().split()]
        end(parent.pid)
    wait_for(lambda: not any(map(alive, processes)))


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
@pytest.mark.parametrize("protocol", ["zero-shot", "leave-one-document-out"])
@pytest.mark.parametrize("end", ["pass", "os._exit(3)"])
def test_what_a_system_starts_ends_with_it(end: str, protocol: str, tmp_path: Path) -> None:
    body = (
        f"import os, subprocess, time\nchildren = [subprocess.Popen(['sleep', '600']).pid, os.fork()]\n"
        f"if not children[1]:\n    time.sleep(600)\n"
        f"with open({str(tmp_path / 'pids')!r}, 'a') as out:\n    print(*children, file=out)\n{end}"
    )
    with contextlib.suppress(SystemFault):
        list(predictions(mine(tmp_path, body, protocol), load_corpus()))
    started = [int(each) for each in (tmp_path / "pids").read_text().split()]
    assert len(started) == (2 if end != "pass" else 10)
    wait_for(lambda: not any(map(alive, started)))


@pytest.mark.skipif(sys.platform != "linux", reason="processes are forked on Linux only")
def test_a_fork_of_a_system_does_not_answer(tmp_path: Path) -> None:
    assert len(list(predictions(mine(tmp_path, "import os\nos.fork()"), load_corpus()))) == 5


def alive(process: int) -> bool:
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def wait_for(condition: Any) -> None:
    for _ in range(300):
        if condition():
            return
        time.sleep(0.1)
    raise AssertionError("it does not come true")


def test_a_system_can_run_in_this_process_for_a_debugger(tmp_path: Path) -> None:
    system = mine(tmp_path, "import os\nassert os.getpid() == PID", "leave-one-document-out")
    path, _ = system.file or (Path(), None)
    path.write_text(path.read_text().replace("PID", str(os.getpid())), encoding="utf-8")
    assert len(list(predictions(system, load_corpus(), isolated=False))) == 5
    with pytest.raises(SystemFault, match="AssertionError"):
        list(predictions(system, load_corpus()))


# --- What it does not stop --------------------------------------------------------------------------------------------

#: Row of docs/guard.md -> what puts gold into ``data``.
HOLES = {
    "another process": f"import subprocess\ndata = subprocess.check_output(['cat', {str(GOLD)!r}])",
    "ctypes": "import ctypes\nlibc = ctypes.CDLL(None)\nbuffer = ctypes.create_string_buffer(1 << 20)\n"
    f"libc.read(libc.open({str(GOLD).encode()!r}, 0), buffer, 1 << 20)\ndata = buffer.raw",
    "libraries that open files outside Python": f"import pyarrow\ndata = pyarrow.OSFile({str(GOLD)!r}).read()",
    "a file named relative to an open folder": "import os\n"
    f"folder = os.open({str(GOLD.parent)!r}, os.O_RDONLY)\n"
    "file = os.open('gold.jsonl', os.O_RDONLY, dir_fd=folder)\ndata = os.read(file, 1 << 20)",
    "a patched guard": "import retold.systems.guard as guard\nguard._watch = None\n"
    f"data = open({str(GOLD)!r}, 'rb').read()",
    "labels in another form": "data = open('{folder}/gold.py', 'rb').read()",
    "archives": "import zipfile\ndata = zipfile.ZipFile('{folder}/gold.zip').read('gold.jsonl')",
    "the network": "from urllib.request import urlopen\ndata = urlopen('{url}/gold.jsonl').read()",
}


@pytest.mark.parametrize("hole", list(HOLES))
def test_what_the_guard_does_not_stop(hole: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (tmp_path / "gold.py").write_bytes(GOLD.read_bytes())
    with zipfile.ZipFile(tmp_path / "gold.zip", "w") as archive:
        archive.write(GOLD, "gold.jsonl")
    handler = partial(http.server.SimpleHTTPRequestHandler, directory=str(GOLD.parent))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        places = {"{folder}": str(tmp_path), "{url}": f"http://127.0.0.1:{server.server_port}"}
        body = HOLES[hole]
        for name, place in places.items():
            body = body.replace(name, place)
        list(predictions(mine(tmp_path, f"{body}\nprint('gold', b'\"favor\"' in data)"), load_corpus()))
        server.shutdown()
    assert capsys.readouterr().err.count("gold True") == 5


def test_folds_can_leave_files_elsewhere(tmp_path: Path) -> None:
    body = (
        f"from pathlib import Path\nhoard = Path({str(tmp_path / 'hoard')!r})\nhoard.mkdir(exist_ok=True)\n"
        "for example in context.training:\n"
        "    (hoard / example.document.document_id).write_text(str(example.gold))\n"
        "print('gold', (hoard / document.document_id).exists())"
    )
    list(predictions(mine(tmp_path, body, "leave-one-document-out"), load_corpus()))
    assert len(list((tmp_path / "hoard").iterdir())) == 5


def test_a_system_in_memory_shares_its_process_with_gold(tiny_corpus: Corpus) -> None:
    found = []

    def predict(document: Document, context: Context) -> AnnotationRecord:
        # Other tests may have left corpora behind whose gold nobody has read.
        known = [each for each in gc.get_objects() if isinstance(each, Corpus) and "gold" in vars(each)]
        found.extend(each.gold[document.document_id] for each in known if document.document_id in each.gold)
        return AnnotationRecord(document_id=document.document_id)

    assert tiny_corpus.gold
    list(predictions(System("spy", "", "zero-shot", predict), tiny_corpus))
    assert found


def test_the_top_of_a_module_runs_in_the_process_of_retold(tmp_path: Path) -> None:
    system = mine(tmp_path, "pass")
    path, _ = system.file or (Path(), None)
    path.write_text(f"import retold\nretold.was_here = True\n{path.read_text()}", encoding="utf-8")
    import retold

    assert not hasattr(retold, "was_here")
    load_system(path)
    assert retold.__dict__.pop("was_here")


def test_the_page_on_the_guard_lists_what_it_does_not_stop() -> None:
    page = (ROOT / "docs" / "guard.md").read_text(encoding="utf-8")
    rows = re.findall(r"^\| ([^|]+?) \| [^|]+ \| `(test_\w+)", page, re.MULTILINE)
    assert [row for row, test in rows if test == "test_what_the_guard_does_not_stop"] == list(HOLES)
    assert {test for _, test in rows} <= set(globals())
