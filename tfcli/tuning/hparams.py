"""A study for TensorBoard's hparams page: what was searched, which values the trials had, and what came of them."""

import math
from typing import TYPE_CHECKING, Any

from tfcli.logging.events import write_summaries
from tfcli.tuning.space import Key, make_space
from tfcli.tuning.study import Study
from tfcli.tuning.trial import Trial

if TYPE_CHECKING:
    from tensorboard.plugins.hparams.api_pb2 import HParamInfo, MetricInfo
    from tensorboard.plugins.hparams.plugin_data_pb2 import HParamsPluginData

_FILE = "events.out.tfevents.0000000000.hparams"
"""One name for all times: writing a study again replaces what was written before."""


def write_hparams(study: Study) -> None:
    """Write what is searched into the study's directory, and the sessions of its finished trials. Raises
    CheckpointError."""
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    keys = make_space(study.loaded).keys
    experiment = api_pb2.Experiment(
        name=study.run.name,
        hparam_infos=[_key_info(key) for key in keys],
        metric_infos=[_metric_info(objective.name) for objective in study.objectives],
    )
    data = plugin_data_pb2.HParamsPluginData(experiment=experiment)
    write_summaries(study.run.path / _FILE, [_value(metadata.EXPERIMENT_TAG, data)])
    for trial in study.trials:
        if trial.is_finished:
            write_session(study, trial)


def write_session(study: Study, trial: Trial) -> None:
    """Write an event file beside the finished trial's own. Raises CheckpointError."""
    if trial.run is not None:
        write_summaries(study.run.path / trial.run / _FILE, _trial_values(trial))


def _key_info(key: Key) -> "HParamInfo":
    from google.protobuf.struct_pb2 import ListValue
    from tensorboard.plugins.hparams import api_pb2

    info = api_pb2.HParamInfo(name=key.path)
    if key.choices is None:
        info.type = api_pb2.DATA_TYPE_FLOAT64
        info.domain_interval.min_value, info.domain_interval.max_value = key.low, key.high
        return info
    values = [_plain(choice) for choice in key.choices]
    info.type = _type(values)
    domain = ListValue()
    domain.extend(values)
    info.domain_discrete.CopyFrom(domain)
    return info


def _type(values: list[Any]) -> int:
    from tensorboard.plugins.hparams import api_pb2

    if all(isinstance(value, bool) for value in values):
        return api_pb2.DATA_TYPE_BOOL
    is_number = all(isinstance(value, int | float) and not isinstance(value, bool) for value in values)
    return api_pb2.DATA_TYPE_FLOAT64 if is_number else api_pb2.DATA_TYPE_STRING


def _plain(value: Any) -> Any:
    """A value as the page has it: a number, a bool, or else a text."""
    return value if isinstance(value, bool | int | float | str) else str(value)


def _metric_info(name: str) -> "MetricInfo":
    """Where a trial's curve of a result is: in its train/ or its validation/ events."""
    from tensorboard.plugins.hparams import api_pb2

    group = "validation" if name.startswith("val_") else "train"
    return api_pb2.MetricInfo(
        name=api_pb2.MetricName(group=group, tag=name.removeprefix("val_")),
        display_name=name,
        dataset_type=api_pb2.DATASET_VALIDATION if group == "validation" else api_pb2.DATASET_TRAINING,
    )


def _trial_values(trial: Trial) -> list[bytes]:
    from tensorboard.plugins.hparams import api_pb2, metadata, plugin_data_pb2

    start = plugin_data_pb2.SessionStartInfo(group_name=f"trial {trial.number}")
    for path, chosen in trial.parameters.items():
        value = _plain(chosen)
        if isinstance(value, bool):
            start.hparams[path].bool_value = value
        elif isinstance(value, str):
            start.hparams[path].string_value = value
        elif math.isfinite(value):
            start.hparams[path].number_value = value
    status = api_pb2.STATUS_FAILURE if trial.state == "failed" else api_pb2.STATUS_SUCCESS
    end = plugin_data_pb2.SessionEndInfo(status=status)
    return [
        _value(metadata.SESSION_START_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_start_info=start)),
        _value(metadata.SESSION_END_INFO_TAG, plugin_data_pb2.HParamsPluginData(session_end_info=end)),
    ]


def _value(tag: str, data: "HParamsPluginData") -> bytes:
    from tensorboard.compat.proto.summary_pb2 import Summary
    from tensorboard.plugins.hparams import metadata

    described = metadata.create_summary_metadata(data)
    return Summary.Value(tag=tag, metadata=described, tensor=metadata.NULL_TENSOR).SerializeToString()
