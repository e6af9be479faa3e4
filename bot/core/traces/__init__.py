"""Traces of runs: each step with its begin and end, for a receiver of OpenTelemetry."""
