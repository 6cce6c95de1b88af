"""Chains asked as a user would: `weir VERB ... FILE` under the launcher of tests/cli, which fails a test whose run goes
above its ceiling; answers come as NDJSON. DuckDB is found in build/venv (tools/setup puts it there)."""
import importlib.util
import json
import pathlib
import sys

import pytest

_spec = importlib.util.spec_from_file_location("cli_conftest", pathlib.Path(__file__).resolve().parents[1] / "cli/conftest.py")
_cli = importlib.util.module_from_spec(_spec)
_spec.loader.exec_module(_cli)
EXE, ROOT, SHARED, data, run, file = _cli.EXE, _cli.ROOT, _cli.SHARED, _cli.data, _cli.run, _cli.file
sys.path += [str(p) for p in ROOT.glob(f"build/venv/lib/python{sys.version_info[0]}.{sys.version_info[1]}/site-packages")]


def ask(*words, code=0, **kw):
    """The rows that a chain prints."""
    r = run(*words, "-o", "ndjson", **kw)
    assert r.code == code, f"weir {' '.join(map(str, words))}: exit {r.code}: {r.err.decode()}"
    return [json.loads(line) for line in r.out.split(b"\n") if line]


def has_function(text):
    """Whether this build knows a function that not every build has."""
    return run("filter", text, "-", stdin=b"s\nx\n").code == 0


@pytest.fixture(scope="session")
def duck():
    duckdb = pytest.importorskip("duckdb", reason="duckdb is not in build/venv (tools/setup bench)")
    base = duckdb.connect(config={"threads": 1})
    base.execute("SET TimeZone='UTC'")
    return base


def close(a, b, relative=1e-12, scale=0.0):
    """Equal, numbers to `relative` (of themselves, or of what they were added up from)."""
    if a is None or b is None or isinstance(a, (str, bool)) or isinstance(b, (str, bool)):
        return a == b and isinstance(a, bool) == isinstance(b, bool)
    a, b = number(a), number(b)
    if a == b:
        return True
    return abs(a - b) <= relative * max(abs(a), abs(b), scale)


def number(x):
    return float(x) if isinstance(x, str) else x
