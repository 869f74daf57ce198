"""Tests: names are sentences that are true of the code."""
