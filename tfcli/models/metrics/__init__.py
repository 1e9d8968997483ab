"""Metrics, a family a file."""

from tfcli.models.metrics.base import Mean, MeanMetricWrapper, Metric, Sum

__all__ = ["Mean", "MeanMetricWrapper", "Metric", "Sum"]
