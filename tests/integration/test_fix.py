"""Mending: what has one right answer is set right, all else is left as it was."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

import retold
from cli import run
from files import write_lines
from paths import ROOT
from retold.corpus.load import Corpus, load_corpus
from retold.model.findings import UnreadableError
from retold.report.findings import render_fixes
from retold.validation import fix as fix_module
from retold.validation.fix import FixedFile, fix, write
from retold.validation.validate import validate
from tiny import TEXTS, document_of, gold_of

VALE = TEXTS["flood-0"][1].index("Vale")
BERG = TEXTS["flood-0"][1].index("Bo Berg")


def mended(records: list[Any], corpus: Corpus, folder: Path, role: Any = "annotation") -> tuple[list[Any], FixedFile]:
    """Records as they are after mending, and the report of it."""
    path = folder / "mine.jsonl"
    write_lines(path, records)
    (made,) = fix(path, corpus, role=role)
    return [json.loads(line) for line in made.after.splitlines()], made


def mention(start: int, end: int, **more: Any) -> dict[str, Any]:
    return {"start": start, "end": end, **more, "kind": "name", "type": "GPE", "entity": "vale", "kb_id": None}


def one(*mentions: dict[str, Any]) -> list[dict[str, Any]]:
    return [{"document_id": "flood-0", "entities": list(mentions)}]


#: Spans of flood-1 that are where their texts are, so that one elsewhere that is not is a slip.
IN_PLACE = {"document_id": "flood-1", "entities": gold_of("flood-1")["entities"]}


@pytest.mark.parametrize(
    ("given", "right", "in_place"),
    [
        # The text occurs once nearby, in a file whose other spans are where their texts are.
        (mention(VALE - 3, VALE + 1, text="Vale"), (VALE, VALE + 4, "Vale"), True),
        (mention(VALE + 9, VALE + 13, text="Vale"), (VALE, VALE + 4, "Vale"), True),
        # Without these it may be either "Vale" of the text.
        (mention(VALE - 3, VALE + 1, text="Vale"), None, False),
        # "Bo Berg" occurs once.
        (mention(BERG - 2, BERG + 5, text="Bo Berg"), (BERG, BERG + 7, "Bo Berg"), False),
        # One end agrees with the text.
        (mention(VALE, VALE, text="Vale"), (VALE, VALE + 4, "Vale"), True),
        (mention(VALE, VALE + 4000, text="Vale"), (VALE, VALE + 4, "Vale"), True),
        # By chance, perhaps: the text occurs twice, and nothing shows that the file is right elsewhere.
        (mention(VALE, VALE + 4000, text="Vale"), None, False),
        (mention(VALE + 3, VALE + 4, text="Vale"), None, False),
        (mention(BERG + 1, BERG + 7, text="Bo Berg"), (BERG, BERG + 7, "Bo Berg"), False),
        # White space at the edges, in the offsets, in the text, or in both.
        (mention(VALE - 1, VALE + 5, text="\xa0Vale "), (VALE, VALE + 4, "Vale"), False),
        (mention(VALE - 1, VALE + 5), (VALE, VALE + 4, None), False),
        (mention(VALE, VALE + 4, text=" Vale"), (VALE, VALE + 4, "Vale"), False),
        # A text in another form: a blank, another case, a zero-width space.
        (mention(VALE - 3, VALE + 4, text="in Vale"), (VALE - 3, VALE + 4, "in\xa0Vale"), False),
        (mention(VALE - 9, VALE - 2, text="in Vale"), (VALE - 3, VALE + 4, "in\xa0Vale"), False),
        (mention(VALE, VALE + 4, text="VALE"), (VALE, VALE + 4, "Vale"), False),
        (mention(VALE, VALE + 4, text="Va\u200ble"), (VALE, VALE + 4, "Vale"), False),
        # "Mayor" has a capital M; "m" is in other words, which may be meant.
        (mention(BERG - 6, BERG - 5, text="m"), None, True),
        # No right answer: another text, none nearby, blank.
        (mention(VALE, VALE + 4, text="Dale"), None, True),
        (mention(VALE + 1, VALE + 5, text="Monday"), None, True),
        (mention(VALE - 1, VALE, text=" "), None, True),
        (mention(VALE, VALE + 4, text=""), None, True),
        # Offsets of other whole words: either they are right or the text.
        (mention(BERG, BERG + 7, text="Mayor"), None, True),
        (mention(BERG, BERG + 7, text="Bo"), None, True),
        # No rule complains of an annotation without text.
        (mention(VALE, VALE + 4), None, True),
    ],
)
def test_fix_span(
    given: dict[str, Any],
    right: tuple[int, int, str | None] | None,
    in_place: bool,
    tiny_corpus: Corpus,
    tmp_path: Path,
) -> None:
    (record, *_), made = mended([*one(given), *([IN_PLACE] if in_place else [])], tiny_corpus, tmp_path)
    (span,) = record["entities"]
    if right is None:
        assert span == given
        assert made.after == made.before
        assert made.fixes == []
    else:
        assert (span["start"], span["end"], span.get("text")) == right
        assert list(span) == list(given)
        assert {repair.pointer for repair in made.fixes} == {"/entities/0"}


def test_fix_leaves_a_text_that_occurs_twice_nearby(tiny_corpus: Corpus, tmp_path: Path) -> None:
    # "dam" stands twice in the body, both within reach.
    assert TEXTS["flood-0"][1].count("dam") == 2
    given = mention(BERG + 1, BERG + 4, text="dam")
    (record, _), made = mended([*one(given), IN_PLACE], tiny_corpus, tmp_path)
    assert record["entities"] == [given]
    assert [found.code for found in made.left] == ["RT403"]


def test_fix_moves_no_span_onto_another(tiny_corpus: Corpus, tmp_path: Path) -> None:
    right = mention(VALE, VALE + 4, text="Vale")
    records = [*one(right, mention(VALE + 1, VALE + 5, text="Vale")), IN_PLACE]
    assert mended(records, tiny_corpus, tmp_path)[0] == records
    # Neither may two spans be moved to one place.
    starts = BERG - 2, BERG - 3
    twice = one(*(mention(start, start + 7, text="Bo Berg") for start in starts))
    (record,), _ = mended(twice, tiny_corpus, tmp_path)
    assert [span["start"] for span in record["entities"]] == [BERG, starts[1]]


@pytest.mark.parametrize("relative_to", ["sentences", "paragraphs"])
@pytest.mark.parametrize("with_text", [1, 2, 5])
def test_fix_moves_no_span_to_a_wrong_place(relative_to: str, with_text: int, tmp_path: Path) -> None:
    """Offsets from the beginning of a sentence: whatever is moved belongs there, and nothing is trimmed elsewhere."""
    corpus = retold.load_corpus()
    given, right = [], []
    for document in corpus.documents.values():
        record = msgspec.to_builtins(corpus.gold[document.document_id])
        spans = [span for layer in ("entities", "claims") for span in record[layer]]
        right += [(span["start"], span["end"]) for span in spans]
        for number, span in enumerate(spans):
            parts = [part.start for part in getattr(document, relative_to) if part.start <= span["start"]]
            span["start"], span["end"] = span["start"] - parts[-1], span["end"] - parts[-1]
            if number % with_text:
                del span["text"]
        given.append({"document_id": document.document_id, "entities": record["entities"], "claims": record["claims"]})
    after, made = mended(given, corpus, tmp_path)
    moved = [span for record in after for layer in ("entities", "claims") for span in record[layer]]
    before = [span for record in given for layer in ("entities", "claims") for span in record[layer]]
    changed = [number for number, span in enumerate(moved) if span != before[number]]
    assert [(moved[number]["start"], moved[number]["end"]) for number in changed] == [right[n] for n in changed]
    assert made.convention is None
    assert len(made.left) > 400


def test_fix_converts_a_file_that_is_shifted_throughout(tmp_path: Path) -> None:
    corpus = retold.load_corpus()
    records = [msgspec.to_builtins(record) for record in corpus.gold.values()]
    right = json.loads(json.dumps(records))
    for span in (span for record in records for layer in ("entities", "claims") for span in record[layer]):
        span["start"], span["end"] = span["start"] + 17, span["end"] + 17
    after, made = mended(records, corpus, tmp_path)
    assert after == right
    assert made.convention == "positions shifted by 17"


def test_fix_leaves_order_alone(tiny_corpus: Corpus, tmp_path: Path) -> None:
    """No rule complains of the order of a list."""
    right = gold_of("flood-0")
    other = {**right, **{layer: right[layer][::-1] for layer in ("entities", "stance", "claims", "verification")}}
    other["stance"] = [{**cell, "evidence": [1, 0]} if cell["evidence"] else cell for cell in other["stance"]]
    (record,), made = mended([other], tiny_corpus, tmp_path)
    assert record == other
    assert made.after == made.before


def test_fix_adds_keys_that_a_rule_misses(tiny_corpus: Corpus, tmp_path: Path) -> None:
    bare = {"start": BERG, "end": BERG + 7, "entity": "bo-berg"}
    full = {"start": BERG, "end": BERG + 7, "text": "Bo Berg", "type": "PER", "entity": "bo-berg", "kb_id": "Q11"}
    # An annotation without the type is no record at all; gold needs the other keys, too.
    (record,), _ = mended(one(bare), tiny_corpus, tmp_path)
    assert record["entities"] == [{"start": BERG, "end": BERG + 7, "type": "PER", "entity": "bo-berg"}]
    (record,), _ = mended(one(bare), tiny_corpus, tmp_path, role="gold")
    assert record["entities"] == [full]
    # Predictions need none.
    predicted = one({**bare, "type": "PER"})
    assert mended(predicted, tiny_corpus, tmp_path, role="prediction")[0] == predicted
    # An entity that is not in the catalogue has nothing to repeat, and a wrong type has two answers.
    unknown, wrong = {**bare, "text": "Bo Berg", "entity": "berg"}, {**full, "type": "ORG"}
    for each in (unknown, wrong):
        assert mended(one(each), tiny_corpus, tmp_path)[0] == one(each)


def test_fix_removes_a_byte_order_mark(tiny_corpus: Corpus, tmp_path: Path) -> None:
    path = tmp_path / "mine.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"document_id": "flood-0"}\r\n')
    (made,) = fix(path, tiny_corpus)
    assert made.after == b'{"document_id": "flood-0"}\r\n'


# Units. The two cases are published: dkpro-cassis tests/test_json.py (casWithEmojiUnicodeTextAndAnnotations), whose
# file counts UTF-16 units, and Label Studio issue 1347.

EMOJI = "🥳 This 👳🏻\u200d♀️ is ✆ a 🧔🏾\u200d♂️ test 👻"
CODE_POINTS = [(0, 1), (2, 6), (7, 12), (13, 15), (16, 17), (18, 19), (20, 25), (26, 30), (31, 32)]
UTF_16 = [(0, 2), (3, 7), (8, 15), (16, 18), (19, 20), (21, 22), (23, 30), (31, 35), (36, 38)]
# Derived from the text: UTF-8 lengths.
BYTES = [(0, 4), (5, 9), (10, 27), (28, 30), (31, 34), (35, 36), (37, 54), (55, 59), (60, 64)]


def corpus_of(folder: Path, text: str) -> Corpus:
    """The tiny corpus with another text of its first document."""
    document = {**document_of("flood-0"), "text": text, "paragraphs": [], "sentences": []}
    document["zones"] = [{"start": 0, "end": len(text), "zone": "body"}]
    path = folder / "events" / "flood" / "documents.jsonl"
    path.write_text(json.dumps(document) + "\n" + json.dumps(document_of("flood-1")) + "\n", encoding="utf-8")
    return load_corpus(folder)


@pytest.mark.parametrize(("unit", "offsets"), [("UTF-16 units", UTF_16), ("bytes", BYTES), (None, CODE_POINTS)])
@pytest.mark.parametrize("with_text", [9, 3])
def test_fix_detects_the_unit_of_offsets(
    unit: str | None, offsets: list[tuple[int, int]], with_text: int, tiny_folder: Path, tmp_path: Path
) -> None:
    corpus = corpus_of(tiny_folder, EMOJI)
    words = [EMOJI[start:end] for start, end in CODE_POINTS]
    # Spans without text are converted with the others.
    given = [
        mention(start, end, **({"text": word} if place < with_text else {}))
        for place, ((start, end), word) in enumerate(zip(offsets, words, strict=True))
    ]
    (record,), made = mended(one(*given), corpus, tmp_path, role="prediction")
    assert made.convention == unit
    assert [(span["start"], span["end"]) for span in record["entities"]] == CODE_POINTS
    write(made)
    assert validate([tmp_path / "mine.jsonl"], corpus, role="prediction", select=["RT4"]).findings == []
    said = render_fixes(made, 5)
    assert (f"offsets look like {unit}; converted" in said) is (unit is not None)


def test_fix_offsets_of_label_studio(tiny_folder: Path, tmp_path: Path) -> None:
    corpus = corpus_of(tiny_folder, "💩This is an annotation.")
    (record,), made = mended(one(mention(13, 23, text="annotation")), corpus, tmp_path)
    # One span shows no convention, but its text occurs once.
    assert made.convention is None
    assert [(span["start"], span["end"]) for span in record["entities"]] == [(12, 22)]


def test_fix_does_not_take_one_wrong_offset_for_a_unit(tiny_corpus: Corpus, tmp_path: Path) -> None:
    """A span that UTF-16 units would explain, beside one that only code points explain."""
    slip, right = mention(VALE + 25, VALE + 29, text="Berg"), mention(BERG, BERG + 7, text="Bo Berg")
    _, made = mended(one(slip, right), tiny_corpus, tmp_path)
    assert made.convention is None


# Files


def test_fix_keeps_the_style_of_other_lines(tiny_corpus: Corpus, tmp_path: Path) -> None:
    good = json.dumps({**gold_of("flood-1"), "verification": []})
    slip = gold_of("flood-0")
    slip["entities"][0]["start"] -= 1
    lines = [good, json.dumps(slip, separators=(",", ":")), "{not json", '{"document_id": "flood-9"}']
    path = tmp_path / "mine.jsonl"
    path.write_text("\r\n".join(lines), encoding="utf-8", newline="")
    (made,) = fix(path, tiny_corpus)
    after = made.after.decode().split("\r\n")
    assert [after[0], *after[2:]] == [lines[0], *lines[2:]]
    assert after[1] == json.dumps(gold_of("flood-0"), separators=(",", ":"))
    assert [repair.line for repair in made.fixes] == [2]


def test_fix_changes_nothing_in_the_packaged_gold() -> None:
    corpus = retold.load_corpus()
    for event in corpus.events.values():
        for file in (event.gold_file, *event.annotator_files):
            (made,) = fix(file, corpus)
            assert made.after == made.before


def test_fix_refuses_other_files_than_local_jsonl(tiny_corpus: Corpus, tiny_folder: Path, tmp_path: Path) -> None:
    archive = shutil.make_archive(str(tmp_path / "s"), "zip", tiny_folder)
    (tmp_path / "p.parquet").write_bytes(b"PAR1")
    for path in (archive, tmp_path / "p.parquet", tiny_folder, tmp_path / "none.jsonl"):
        with pytest.raises(UnreadableError):
            list(fix(path, tiny_corpus))


def test_fix_refuses_a_file_that_is_too_large(
    tiny_corpus: Corpus, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(fix_module, "MAX_FILE_SIZE", 10)
    (tmp_path / "mine.jsonl").write_text('{"document_id": "flood-0"}\n', encoding="utf-8")
    with pytest.raises(UnreadableError, match="cannot be fixed"):
        list(fix(tmp_path / "mine.jsonl", tiny_corpus))


def test_write_follows_links_and_keeps_permissions(tiny_corpus: Corpus, tmp_path: Path) -> None:
    records = one(mention(VALE - 1, VALE + 4, text="Vale"))
    real = tmp_path / "real" / "a.jsonl"
    real.parent.mkdir()
    real.write_text(json.dumps(records[0]), encoding="utf-8")
    real.chmod(0o640)
    link = tmp_path / "mine.jsonl"
    link.symlink_to(real)
    (made,) = fix(link, tiny_corpus)
    write(made)
    assert link.is_symlink()
    assert json.loads(real.read_text(encoding="utf-8"))["entities"][0]["start"] == VALE
    assert real.stat().st_mode & 0o777 == 0o640
    assert [path.name for path in real.parent.iterdir()] == ["a.jsonl"]


def codes(path: Path, corpus: Corpus, role: Any) -> list[str]:
    return [found.code for found in validate([path], corpus, role=role).findings]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=60)
@given(data=st.data())
def test_fix_adds_no_findings_and_is_idempotent(data: st.DataObject, tiny_corpus: Corpus, tmp_path: Path) -> None:
    role = data.draw(st.sampled_from(["gold", "annotation", "prediction"]))
    record = gold_of("flood-0")
    for span in [*record["entities"], *record["claims"]]:
        span["start"] += data.draw(st.integers(-3, 3))
        span["end"] += data.draw(st.integers(-3, 3))
        for key in ("text", "entity", "kb_id", "claim"):
            if data.draw(st.integers(0, 4)) == 0:
                span.pop(key, None)
    extra = data.draw(st.lists(st.tuples(st.integers(0, 130), st.integers(0, 130)), max_size=2))
    record["entities"] += [mention(start, end) for start, end in extra]
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(record) + "\n" + json.dumps(gold_of("flood-1")) + "\n", encoding="utf-8")
    before = codes(path, tiny_corpus, role)
    (made,) = fix(path, tiny_corpus, role=role)
    write(made)
    after = codes(path, tiny_corpus, role)
    assert all(after.count(code) <= before.count(code) for code in after)
    (again,) = fix(path, tiny_corpus, role=role)
    assert again.after == again.before


# The command


@pytest.fixture
def slipped(tmp_path: Path) -> tuple[Path, bytes]:
    """A packaged record whose first mention begins one character early, and the record as it should be."""
    corpus = retold.load_corpus()
    line = Path(corpus.gold_sources()[0].path).read_bytes().splitlines()[0]
    record = json.loads(line)
    record["entities"][0]["start"] -= 1
    path = tmp_path / "mine.jsonl"
    path.write_text(json.dumps(record, ensure_ascii=False, separators=(",", ":")) + "\n", encoding="utf-8")
    return path, line + b"\n"


def test_validate_fix_option(slipped: tuple[Path, bytes]) -> None:
    path, right = slipped
    assert run("validate", path).returncode == 1
    done = run("validate", path, "--fix")
    assert path.read_bytes() == right
    assert f"{path}:1: " in done.stderr
    assert "[/entities/0]" in done.stderr
    assert (done.returncode, done.stdout.splitlines()[-1]) == (0, "1 record in 1 file: no findings")


def test_validate_diff_option(slipped: tuple[Path, bytes]) -> None:
    path, _ = slipped
    record = json.loads(path.read_bytes())
    unknown = {"claim": "nobody", "label": "supported", "evidence": [0]}
    path.write_text(json.dumps({**record, "verification": [*record["verification"], unknown]}), encoding="utf-8")
    before = path.read_bytes()
    done = run("validate", path, "--diff")
    assert (done.returncode, done.stderr) == (1, "")
    assert path.read_bytes() == before
    start, counted, left, *_ = done.stdout.splitlines()
    assert start == f"{path}:1: fix start -1 -> 0 [/entities/0]"
    assert counted == f"{path}: 1 fix, 1 finding left"
    assert left.startswith(f"{path}:1: error RT307 unknown claim 'nobody'")
    run("validate", path, "--fix")
    again = run("validate", path, "--diff")
    assert (again.returncode, again.stderr) == (0, "")
    assert [line for line in again.stdout.splitlines() if "fix" in line] == []


def test_validate_fix_option_needs_files() -> None:
    done = run("validate", "--fix")
    assert done.returncode == 2
    assert "name the files" in done.stderr


def test_render_fixes_counts_beyond_the_limit(tiny_corpus: Corpus, tmp_path: Path) -> None:
    record = gold_of("flood-0")
    for span in record["entities"]:
        span.pop("text")
    _, made = mended([record], tiny_corpus, tmp_path, role="gold")
    assert render_fixes(made, 1).splitlines() == [
        f"{made.file}:1: fix text 'Vale' added [/entities/0]",
        f"{made.file}: 2 fixes (1 not shown), 0 findings left",
    ]


def mistakes() -> list[dict[str, Any]]:
    """Five records of the packaged corpus with one typical mistake each."""
    texts = list(retold.load_corpus().documents.values())

    def typical(number: int, words: str, shift: int = 0, longer: int = 0, **more: Any) -> dict[str, Any]:
        text = texts[number].text
        start = text.index(words) + shift
        end = start + len(words) + longer
        return {"start": start, "end": end, "text": words if shift else text[start:end], **more}

    pair = {"claim": "coalition-86-members", "label": "supported"}
    layers: list[dict[str, Any]] = [
        # A key is misspelt, a label is, an entity is; offsets are off by two; the span takes a blank with it.
        {"verificaton": [{**pair, "evidence": [8]}]},
        {"verification": [{**pair, "label": "suported", "evidence": [1]}]},
        {"entities": [typical(2, "Emmanuel Macron", type="PER", entity="emanuel-macron")]},
        {"entities": [typical(3, "Emmanuel Macron", shift=2, type="PER", entity="emmanuel-macron")]},
        {"entities": [typical(4, "Emmanuel Macron", longer=1, type="PER", entity="emmanuel-macron")]},
    ]
    return [{"document_id": d.document_id, **layer} for d, layer in zip(texts, layers, strict=True)]


def test_contributing_shows_five_typical_mistakes_as_they_are_told(tmp_path: Path) -> None:
    lines = "".join(json.dumps(record, ensure_ascii=False) + "\n" for record in mistakes())
    (tmp_path / "mistakes.jsonl").write_text(lines, encoding="utf-8")
    done = run("validate", "mistakes.jsonl", "--role", "annotation", folder=tmp_path)
    assert f"$ retold validate mistakes.jsonl --role annotation\n{done.stdout}```\n" in (
        ROOT / "CONTRIBUTING.md"
    ).read_text(encoding="utf-8"), done.stdout
    # Two of the five have one right answer.
    fixed = run("validate", "mistakes.jsonl", "--fix", "--role", "annotation", folder=tmp_path)
    assert fixed.stdout.endswith("5 records in 1 file: 3 errors, 0 warnings\n")
