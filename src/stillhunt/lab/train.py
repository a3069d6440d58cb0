"""Train the text models that run at ingest, and measure them on what they have not seen.

Measured in folds: each holds out families of elicitations whole, kinds of honest text whole,
and public sets whole, fits on the rest, and scores what it held out. The probabilities are
calibrated on those scores. What is written at the end is fitted on everything.
"""

import json
import random
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import numpy.typing as npt

from stillhunt.lab import train_public, train_texts
from stillhunt.lab.train_fit import Fit, Indexed, fit, index, scores
from stillhunt.model.errors import OutputError
from stillhunt.sketch.models.shipped import MODELS, PRIOR, Models, save

__all__ = ["train"]

FOLDS: Final = 7
"""26 families: three or four are held out at a time."""
SETS: Final = 3
"""Public sets are held out in thirds."""
FALSE_ALARMS: Final = 0.005
"""Share of public honest prompts at whose bound recall is told."""
_PASSAGES: Final = 6_000
_PER_SET: Final = 2_000  # of one public set: some have thousands of the same template
_HOW: Final = {"elicitation": Fit(), "probe": Fit()}
_LONGEST: Final = 6_000  # of a public prompt [characters]

Floats = npt.NDArray[np.float64]
Flags = npt.NDArray[np.bool_]


@dataclass(frozen=True)
class _Corpus:
    """All texts: their group, kind and rows."""

    groups: npt.NDArray[np.str_]
    kinds: npt.NDArray[np.str_]
    languages: npt.NDArray[np.str_]
    rows: Indexed
    licences: dict[str, str]


def train(out: Path, *, seed: int = 1, texts: int = 90_000, measure: bool = True) -> str:
    """Write ``models.npz`` and ``card.json`` to *out*; return what was done, in a sentence.

    Args:
        out: Folder to write to.
        seed: Of the texts and of the fit.
        texts: How many to write by the grammar.
        measure: Whether to hold out in folds; else nothing is measured, and probabilities are
            calibrated on texts that the model has seen, which makes them too sure.

    Raises:
        OutputError: The folder cannot be written.
    """
    corpus = _collect(seed, texts)
    card: dict[str, Any] = {
        "texts": {kind: int(np.sum(corpus.kinds == kind)) for kind in np.unique(corpus.kinds)},
        "public_sets": corpus.licences, "seed": seed, "prior": PRIOR, "models": {},
    }  # fmt: skip
    columns, bounds, lines = [], [], []
    for kind in MODELS:
        how = _HOW[kind]
        held = list(_folds(corpus, kind, how, seed)) if measure else []
        weights, bias = _fitted(corpus, kind, how, np.ones(len(corpus.kinds), np.bool_), seed)
        unit = how.cap / 127
        columns.append(np.clip(np.rint(weights / unit), -127, 127).astype(np.int8))
        bounds.append((127, round(how.drift / unit)))
        slope, offset = _calibrate(corpus, kind, held, weights, bias, how)
        lines.append((slope * unit, slope * bias + offset))
        about = {"rows": int(np.count_nonzero(columns[-1])), "fit": asdict(how)}
        line = (slope, offset)
        card["models"][kind] = about | (_measured(corpus, kind, held, line) if measure else {})
    models = Models(np.stack(columns, 1), np.array(bounds, np.int64).T, np.array(lines).T)
    try:
        out.mkdir(parents=True, exist_ok=True)
        save(models, out / "models.npz")
        (out / "card.json").write_text(json.dumps(card, indent=1) + "\n", encoding="utf-8")
    except OSError as error:
        raise OutputError(f"cannot write the models to {out}: {error}") from error
    return f"{out / 'models.npz'}: fitted on {len(corpus.kinds)} texts; see {out / 'card.json'}"


def _collect(seed: int, texts: int) -> _Corpus:
    """Write and read all texts. Public elicitations are of kind ``public_attack``."""
    rng = random.Random(seed)  # noqa: S311  # no secret
    where = train_public.folder()
    prompts = _sampled(rng, train_public.texts(where)) if where else []
    passages = train_public.passages(where) if where else []
    known = "\n".join(p.text for p in prompts if not p.is_elicitation)
    passages = [p[:1200] for p in passages if p[40:90] not in known]  # else nothing is held out
    manuals = train_public.manuals()
    rng.shuffle(passages)
    rng.shuffle(manuals)
    passages = passages[:_PASSAGES] + manuals[:_PASSAGES]
    made = list(train_texts.written(rng, texts, passages))
    made += [train_texts.Text(p, "passages", "honest") for p in passages]
    made += [
        train_texts.Text(
            p.text[:_LONGEST], p.name, "public_attack" if p.is_elicitation else "public"
        )
        for p in prompts
    ]
    return _Corpus(
        np.array([text.group for text in made]), np.array([text.kind for text in made]),
        np.array([text.language for text in made]), index([text.text for text in made]),
        dict(train_public.HONEST) if where else {},
    )  # fmt: skip


def _sampled(rng: random.Random, prompts: list[train_public.Prompt]) -> list[train_public.Prompt]:
    """Return at most _PER_SET honest prompts of each batch set, and all others."""
    rng.shuffle(prompts)
    seen: dict[str, int] = {}
    kept = []
    for prompt in prompts:
        seen[prompt.name] = seen.get(prompt.name, 0) + 1
        if seen[prompt.name] <= _PER_SET or not prompt.template or prompt.is_elicitation:
            kept.append(prompt)
    return kept


@dataclass(frozen=True)
class _Held:
    """What a fold held out, and the log-odds of every text."""

    odds: Floats
    held: Flags


def _folds(corpus: _Corpus, kind: str, how: Fit, seed: int) -> Iterator[_Held]:
    """Yield the folds of a model."""
    rng = random.Random(seed)  # noqa: S311  # no secret
    groups = {
        name: sorted(set(corpus.groups[corpus.kinds == name]) - {"core", "passages"})
        for name in (kind, "honest", "public")
    }
    for names in groups.values():
        rng.shuffle(names)
    # A language of its own cannot be held out: nothing of it would be known.
    groups[kind] = [name for name in groups[kind] if not name.startswith(f"{kind}_")]
    folds = min(FOLDS, len(groups[kind]))
    for fold in range(folds):
        out = {*groups[kind][fold::folds], *groups["honest"][fold::folds],
               *groups["public"][fold % SETS :: SETS]}  # fmt: skip
        held = np.isin(corpus.groups, list(out)) | (corpus.kinds == "public_attack")
        weights, bias = _fitted(corpus, kind, how, ~held, seed + fold)
        yield _Held(scores(corpus.rows, weights, how.drift, how.cap) + bias, held)


def _fitted(corpus: _Corpus, kind: str, how: Fit, used: Flags, seed: int) -> tuple[Floats, float]:
    """Fit on the texts that are *used*; public elicitations never are."""
    labels = (corpus.kinds == kind).astype(np.float64)
    importance = np.where(used & (corpus.kinds != "public_attack"), 1.0, 0.0)
    importance[labels == 0] *= how.honest
    return fit(corpus.rows, labels, importance, how, seed)


def _calibrate(
    corpus: _Corpus, kind: str, held: list[_Held], weights: Floats, bias: float, how: Fit
) -> tuple[float, float]:
    """Return slope and offset that make log-odds of what was held out true at PRIOR."""
    if not held:
        odds = scores(corpus.rows, weights, how.drift, how.cap) + bias
        held = [_Held(odds, corpus.kinds != "public_attack")]
    usable = [fold.held & np.isin(corpus.kinds, (kind, "honest", "public")) for fold in held]
    x = np.concatenate([fold.odds[use] for fold, use in zip(held, usable, strict=True)])
    y = np.concatenate([corpus.kinds[use] == kind for use in usable]).astype(np.float64)
    x = np.clip(x, -30, 30)
    share = np.where(y == 1, PRIOR / y.sum(), (1 - PRIOR) / (1 - y).sum())
    line = np.array([1.0, 0.0])
    for _ in range(200):  # Newton in short steps: the problem is convex and has two unknowns
        p = 1 / (1 + np.exp(-np.clip(line[0] * x + line[1], -30, 30)))
        slope = np.array([np.sum(share * (p - y) * x), np.sum(share * (p - y))])
        bend = share * p * (1 - p)
        cross = np.sum(bend * x)
        matrix = np.array([[np.sum(bend * x * x), cross], [cross, np.sum(bend)]])
        line -= np.clip(np.linalg.solve(matrix + 1e-6 * np.eye(2), slope), -0.5, 0.5)
    return float(line[0]), float(line[1])


def _measured(
    corpus: _Corpus, kind: str, held: list[_Held], line: tuple[float, float]
) -> dict[str, Any]:
    """Return recall of what was held out at FALSE_ALARMS of the public honest prompts.

    *line* makes probabilities of log-odds: bounds are told as what the model puts out.
    """
    honest = "public" if np.any(corpus.kinds == "public") else "honest"
    false = np.concatenate([f.odds[f.held & (corpus.kinds == honest)] for f in held])
    curve = {}
    for share in (0.001, 0.002, FALSE_ALARMS, 0.01, 0.02, 0.05):
        bound = float(np.quantile(false, 1 - share))
        curve[str(share)] = {
            "bound": round(float(1 / (1 + np.exp(-(line[0] * bound + line[1])))), 4),
            "recall": _recall(corpus, kind, held, bound, unseen=True),
        }
    bound = float(np.quantile(false, 1 - FALSE_ALARMS))
    return {
        "bound_on": honest, "curve_unseen": curve,
        "seen_families": _recall(corpus, kind, held, bound, unseen=False),
        "unseen_families": _by_group(corpus, held, bound, corpus.kinds == kind),
        "unseen_languages": _by_language(corpus, kind, held, bound),
        "public_elicitations": _by_group(corpus, held, bound, corpus.kinds == "public_attack"),
        "false_alarms_public": _by_group(corpus, held, bound, corpus.kinds == "public"),
        "false_alarms_honest": _by_group(corpus, held, bound, corpus.kinds == "honest"),
    }  # fmt: skip


def _recall(corpus: _Corpus, kind: str, held: list[_Held], bound: float, *, unseen: bool) -> float:
    """Return the share of a kind's texts above *bound*, families of equal weight if unseen."""
    if unseen:
        found = _by_group(corpus, held, bound, corpus.kinds == kind)
        return round(float(np.mean(list(found.values()))), 4)
    shares = [np.mean(f.odds[(corpus.kinds == kind) & ~f.held] > bound) for f in held]
    return round(float(np.mean(shares)), 4)


def _by_group(corpus: _Corpus, held: list[_Held], bound: float, which: Flags) -> dict[str, float]:
    """Return the share above *bound* of each group that was held out."""
    found: dict[str, list[float]] = {}
    for fold in held:
        use = which & fold.held
        for group in np.unique(corpus.groups[use]):
            above = np.mean(fold.odds[use & (corpus.groups == group)] > bound)
            found.setdefault(str(group), []).append(float(above))
    return {group: round(float(np.mean(shares)), 4) for group, shares in found.items()}


def _by_language(corpus: _Corpus, kind: str, held: list[_Held], bound: float) -> dict[str, float]:
    """Return the share of unseen families above *bound* by language."""
    found = {}
    for language in np.unique(corpus.languages[corpus.kinds == kind]):
        use = (corpus.kinds == kind) & (corpus.languages == language)
        above = np.concatenate([f.odds[f.held & use] > bound for f in held])
        if len(above):
            found[str(language)] = round(float(np.mean(above)), 4)
    return found
