"""The gauntlet: known failures of growing severity, put through a task's metrics to see which of them notice."""
