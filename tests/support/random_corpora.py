"""Random gold and predictions, and all that counting makes of them."""

from __future__ import annotations

import json
import random
from pathlib import Path
from typing import Any

import numpy as np

from default_labels import ENTITY_TYPES, STANCE_LABELS, VERIFICATION_LABELS
from retold.scoring.count import SystemCounts

Record = dict[str, Any]


def spans(draw: random.Random, amount: int) -> list[Record]:
    """Distinct spans of a short text: many overlap, hold one another or only touch."""
    found: set[tuple[int, int]] = set()
    for _ in range(amount):
        start = draw.randrange(60)
        found.add((start, start + draw.choice((1, 2, 3, 5, 8, 20))))
    return [{"start": start, "end": end} for start, end in draw.sample(sorted(found), len(found))]


def reading(draw: random.Random, key: str, *, gold: bool) -> Record:
    """A random record over few names, so that two readings of a document often meet."""
    mentions = []
    for span in spans(draw, draw.randrange(12)):
        mention = span | {"type": draw.choice(ENTITY_TYPES[:3]), "kind": draw.choice(("name", "name", "nominal"))}
        if draw.random() < 0.8:
            mention["entity"] = f"e{draw.randrange(9)}"
        if draw.random() < 0.8:
            mention["kb_id"] = draw.choice((None, "Q1", "Q2", "Q33"))
        mentions.append(mention)
    cells = []
    for holder in ("a", "b"):
        for target in ("x", "y", "z"):
            if draw.random() < 0.7:
                cell: Record = {"holder": holder, "target": target, "label": draw.choice(STANCE_LABELS)}
                if draw.random() < 0.7:
                    cell["evidence"] = [draw.randrange(4) for _ in range(draw.randrange(4))]
                if not gold and draw.random() < 0.5:
                    first = draw.random()
                    cell["scores"] = {"favor": first, "against": (1 - first) / 3, "none": 2 * (1 - first) / 3}
                cells.append(cell)
    claims = [span | {"source": draw.choice(("author", "e1", "e2", "e3"))} for span in spans(draw, draw.randrange(8))]
    pairs = []
    for claim in range(5):
        if draw.random() < 0.8:
            pair: Record = {"claim": f"c{claim}", "label": draw.choice(VERIFICATION_LABELS)}
            if draw.random() < 0.8:
                pair["evidence"] = [draw.randrange(9) for _ in range(draw.randrange(9))]
            pairs.append(pair)
    for layer in (mentions, cells, claims, pairs):
        # Now and then something is given twice, which is allowed where the labels are the same.
        if not gold and layer in (mentions, claims) and layer and draw.random() < 0.1:
            layer.append(dict(layer[0]))
    layers = {"entities": mentions, "stance": cells, "claims": claims, "verification": pairs}
    return {"document_id": key} | {name: layer for name, layer in layers.items() if draw.random() < 0.93}


def written(folder: Path, documents: int, seed: int) -> tuple[Path, Path]:
    """Write random gold and a random system of as many documents; the paths of both files."""
    draw = random.Random(seed)
    for name in ("gold", "system"):
        lines = [json.dumps(reading(draw, f"d{n:03}", gold=name == "gold")) for n in range(documents)]
        (folder / f"{name}.jsonl").write_text("".join(f"{line}\n" for line in lines))
    return folder / "gold.jsonl", folder / "system.jsonl"


def everything(counts: SystemCounts) -> dict[str, Any]:
    """All that a score is made of."""
    mentions = counts.mentions
    tables = {
        f"{layer} {name}": {key: row for key, row in getattr(tally, name).rows.items() if any(row)}
        for layer, tally in counts.tallies.items()
        for name in ("units", "facets")
    }
    return tables | {
        "units": counts.unit_names,
        "layers": (counts.layers, counts.gold_layers),
        "coverage": counts.coverage,
        "mentions": [np.asarray(getattr(mentions, name)).tolist() for name in ("document", "gold", "predicted")],
        "mention units": [mentions.units[unit] for unit in mentions.unit],
        "clusters": (mentions.gold_keys, mentions.predicted_keys, mentions.documents),
        "references": mentions.references(),
    }
