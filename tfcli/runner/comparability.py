"""Why the numbers of some runs may not be comparable: other data, another split, other metrics, other code."""

from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from tfcli.runner.compared import ComparedRun

_SHOWN = 5


def warnings(runs: Sequence[ComparedRun]) -> list[str]:
    """One sentence for each reason, and for each run that cannot be read."""
    read = [(run, run.spec) for run in runs]  # what is wrong with a spec is known once it is read
    found = [f"{run.path}: {run.problem}" for run, _ in read if run.problem]
    sound = [run for run, _ in read if not run.problem]
    return [*found, *_data(sound), *_measures(sound), *_code(sound)]


def _data(runs: Sequence[ComparedRun]) -> Iterable[str]:
    if _differ(run.fingerprints for run in runs if run.fingerprints):
        yield "the runs were trained on different data: their metrics are of different examples"
    elif _differ(run.split for run in runs):
        yield "the data are split differently (data.split or the seed): metrics are of different examples"


def _measures(runs: Sequence[ComparedRun]) -> Iterable[str]:
    if _differ(run.spec.get("loss") for run in runs):
        yield "the runs have different losses: loss and val_loss cannot be compared"
    reported = [run.metric_names for run in runs if run.metric_names]
    counts = Counter(name for names in reported for name in names)
    partial = sorted(name for name, count in counts.items() if count < len(reported))
    if partial:
        yield f"not every run reports {', '.join(partial)}"
    elif _differ(run.spec.get("metrics") for run in runs):
        yield "the metrics have different settings (metrics): one name means different measures"


def _code(runs: Sequence[ComparedRun]) -> Iterable[str]:
    """What trained them: tfcli itself, and the repository that the spec stands in."""
    versions = _distinct(run.environment.get("versions", {}).get("tfcli") for run in runs)
    if len(versions) > 1:
        yield f"the runs were trained by different versions of tfcli: {_listed(versions)}"
    states = [run.environment.get("git") or {} for run in runs]
    commits = _distinct(state.get("commit") for state in states)
    if len(commits) > 1:
        yield f"the code around the specs differs: git commits {_listed([commit[:8] for commit in commits])}"
    elif 0 < sum(bool(state.get("dirty")) for state in states) < len(states):
        yield "some of the runs were trained with uncommitted changes in their repository, some without"


def _distinct(values: Iterable[str | None]) -> list[str]:
    return list(dict.fromkeys(value for value in values if value is not None))


def _listed(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN} more" if len(names) > _SHOWN else ""
    return ", ".join(names[:_SHOWN]) + more


def _differ(values: Iterable[Any]) -> bool:
    listed = list(values)
    return any(value is not listed[0] and value != listed[0] for value in listed[1:])
