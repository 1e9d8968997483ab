"""Run directories and what lies in them: checkpoints, metrics, event files, plots."""
