"""Each bound of a file that is loaded: how much of it is read, kept and said."""

from importlib import import_module

import pytest

BOUNDS: dict[str, dict[str, object]] = {
    "cells": {"_THOUSAND": 3},
    "export": {"ON_TRIAL": 604_800},
    "load": {"LOAD_CHUNK": 500},
    "loaded_contacts": {"LOADED_CHUNK": 500},
    "records": {"_MOST_LINES": 100, "_MOST_DIGITS": 4300},
    "rows": {"_SHOWN_AT_MOST": 1000, "_ADDRESS_BITS": 24, "_USER_BITS": 40},
    "statements": {"_MOST_KEYS": 10_000},
    "text": {"_LONGEST_LINE": 1_000_000},
}


@pytest.mark.parametrize("module", BOUNDS)
def test_the_bounds_are_these(module: str) -> None:
    there = vars(import_module(f"sync_tasks.backfill.{module}"))
    assert {name: there[name] for name in BOUNDS[module]} == BOUNDS[module]
