"""How much of a verdict can be guessed from the claim alone, without any document?

    python scripts/corpus/claim_only.py [--corpus FOLDER]

A classifier (TF-IDF of words and characters, logistic regression) sees only the text of a claim. It is trained on the
other claim families and predicts the verdict of every (claim, document) pair of the family that is left out; a family
is a canonical claim with all its mutations. Others tell supported from refuted pairs, and mutated from canonical
claims. Beside each stands the majority baseline. The nearer the two, the less the sentences betray.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import click
import numpy as np
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import accuracy_score, f1_score
from sklearn.model_selection import LeaveOneGroupOut
from sklearn.pipeline import make_pipeline, make_union

from retold.cli.main import main as run_command
from retold.corpus.load import Corpus, load_corpus

ROOT: Final = Path(__file__).resolve().parents[2]


def measure(corpus: Corpus) -> dict[str, dict[str, float]]:
    """Macro-F1 and accuracy of classifier and majority baseline: task -> measure -> value."""
    texts: list[str] = []
    labels: list[str] = []
    families: list[str] = []
    kinds: list[tuple[str, str, str]] = []
    for event in corpus.events.values():
        for key, claim in event.claims.items():
            kinds.append((claim.text, "mutated" if claim.mutation_of else "canonical", claim.mutation_of or key))
    for record in corpus.gold.values():
        claims = corpus.events[corpus.documents[record.document_id].event].claims
        for pair in record.verification or ():
            texts.append(claims[pair.claim].text)
            labels.append(pair.label)
            families.append(claims[pair.claim].mutation_of or pair.claim)
    verification = corpus.scheme.layers.get("verification")
    if verification is None:
        raise click.ClickException("the corpus has no layer verification")
    taken = [index for index, label in enumerate(labels) if label in verification.options.evidence_for]
    return {
        "verdict": _left_out(texts, labels, families),
        "supported or refuted": _left_out(
            [texts[i] for i in taken], [labels[i] for i in taken], [families[i] for i in taken]
        ),
        "mutated or canonical": _left_out([k[0] for k in kinds], [k[1] for k in kinds], [k[2] for k in kinds]),
    }


def _left_out(texts: Sequence[str], labels: Sequence[str], families: Sequence[str]) -> dict[str, float]:
    known = np.array(labels)
    guessed = np.empty(len(labels), dtype=object)
    constant = np.empty(len(labels), dtype=object)
    for train, test in LeaveOneGroupOut().split(texts, labels, families):
        model = make_pipeline(
            make_union(TfidfVectorizer(ngram_range=(1, 2)), TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 4))),
            LogisticRegression(max_iter=1000, class_weight="balanced"),
        )
        model.fit([texts[i] for i in train], known[train])
        guessed[test] = model.predict([texts[i] for i in test])
        values, counts = np.unique(known[train], return_counts=True)
        constant[test] = values[counts.argmax()]
    return {
        "macro_f1": float(f1_score(known, guessed.astype(str), average="macro")),
        "accuracy": float(accuracy_score(known, guessed.astype(str))),
        "majority_macro_f1": float(f1_score(known, constant.astype(str), average="macro", zero_division=0)),
        "majority_accuracy": float(accuracy_score(known, constant.astype(str))),
    }


@click.command(help=__doc__)
@click.option(
    "--corpus", "folder", default=str(ROOT / "corpus"), type=click.Path(file_okay=False), help="Corpus folder."
)
def main(folder: str) -> None:
    for task, values in measure(load_corpus(folder)).items():
        click.echo(
            f"{task}: macro-F1 {values['macro_f1']:.3f} (majority {values['majority_macro_f1']:.3f}), "
            f"accuracy {values['accuracy']:.3f} (majority {values['majority_accuracy']:.3f})"
        )


if __name__ == "__main__":
    run_command(command=main)
