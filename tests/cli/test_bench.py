"""weir bench transport: short runs of every way; what it prints can be read by programs, and mistakes are told."""
import csv
import io
import json
import os
import pathlib
import shutil
import subprocess

import pytest
from conftest import EXE

BENCH = pathlib.Path(EXE).with_name("weir-bench")
BETWEEN = ["pipe", "vmsplice", "unix", "tcp", "ring"] + (["redis"] if shutil.which("redis-server") else [])
FROM_FILE = ["file-read", "file-mmap", "file-sendfile", "file-splice", "file-vmsplice"]
pytestmark = pytest.mark.skipif(not BENCH.exists(), reason="make builds weir-bench beside build/weir")


def bench(*words, env=None):
    return subprocess.run([EXE, "bench", "transport", *words], capture_output=True, text=True, timeout=120, env=env)


def test_every_way_is_measured_and_its_figures_are_possible():
    r = bench("--seconds", "0.02", "--sizes", "64,64KiB", "-o", "json")
    assert r.returncode == 0, r.stderr
    said = json.loads(r.stdout)
    rows = {(row["way"], row["message_bytes"], row["load"]): row for row in said["transport"]}
    expected = {(way, size, load) for way in BETWEEN for size in (64, 65536) for load in ("fast", "high", "low", "bursts")} | {(way, 65536, "fast") for way in FROM_FILE}
    assert set(rows) == expected and len(said["transport"]) == len(expected)
    assert said["left_out"] == ([] if "redis" in BETWEEN else ["redis"])
    for (way, size, load), row in rows.items():
        assert 0 < row["gb_per_s_worst"] <= row["gb_per_s"] < 1000 and row["cpu_s_per_gb"] > 0
        assert row["messages_per_s"] * size == pytest.approx(row["gb_per_s"] * 1e9, rel=0.05, abs=1e5)
        assert row["peak_kib"] > row["empty_kib"] / 2 > 0
        if way in FROM_FILE:
            assert row["p50_us"] is row["p99_us"] is row["p99.9_us"] is None
        else:
            assert 0 < row["p50_us"] <= row["p99_us"] <= row["p99.9_us"]


def test_csv_and_markdown_have_the_rows_and_columns_of_json():
    words = ["--seconds", "0.01", "--sizes", "8,4KiB", "--ways", "ring,pipe,file-read", "--loads", "fast,bursts"]
    r = bench(*words, "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(r.stdout)))
    assert r.returncode == 0 and [(x["way"], x["message_bytes"], x["load"]) for x in rows] == [
        ("pipe", "8", "fast"), ("ring", "8", "fast"), ("pipe", "4096", "fast"), ("ring", "4096", "fast"), ("file-read", "4096", "fast"),
        ("pipe", "8", "bursts"), ("ring", "8", "bursts"), ("pipe", "4096", "bursts"), ("ring", "4096", "bursts")]
    assert set(rows[0]) == set(json.loads(bench(*words, "-o", "json").stdout)["transport"][0])
    assert all(float(row[key]) > 0 for row in rows for key in ("gb_per_s", "messages_per_s", "cpu_s_per_gb"))
    r = bench(*words, "-o", "markdown")
    cells = [line.strip("|").split("|") for line in r.stdout.splitlines() if line.startswith("|")]
    assert r.returncode == 0 and len(cells) == 2 * 2 + 9 and {len(c) for c in cells} == {9}
    r = bench(*words)
    assert r.returncode == 0 and len(r.stdout.splitlines()) == 1 + 2 * 2 + 9


def test_the_best_of_several_rounds_is_kept():
    r = bench("--seconds", "0.01", "--sizes", "64", "--ways", "pipe", "--loads", "fast", "--rounds", "4", "-o", "json")
    said = json.loads(r.stdout)
    assert r.returncode == 0 and said["rounds"] == 4 and len(said["transport"]) == 1
    assert said["transport"][0]["gb_per_s_worst"] < said["transport"][0]["gb_per_s"]


@pytest.mark.parametrize("words,meant", [
    (["--sizs", "8"], "'--sizes'"), (["--ways", "rng"], "'ring'"), (["--ways", "pipe,sendfile"], None), (["--loads", "fast,hihg"], "'high'"),
    (["-o", "jsn"], "'json'"), (["--sizes", "7"], None), (["--sizes", "2MiB"], None), (["--sizes", ""], None), (["--seconds", "0"], None),
    (["--seconds", "1s"], None), (["--rounds", "0"], None), (["extra"], None), (["--ways", "file-read", "--loads", "high"], None)])
def test_mistakes_are_told_with_what_was_meant(words, meant):
    r = bench(*words)
    assert r.returncode == 2 and r.stderr.startswith("weir: bench: ") and r.stdout == ""
    assert meant is None or f"did you mean {meant}?" in r.stderr


def test_without_a_redis_server_the_others_are_measured_and_it_is_said():
    r = bench("--seconds", "0.01", "--sizes", "64", "--ways", "redis,pipe", "--loads", "fast", "-o", "json", env={**os.environ, "PATH": "/nowhere"})
    said = json.loads(r.stdout)
    assert r.returncode == 0 and "no redis-server" in r.stderr and said["left_out"] == ["redis"] and [x["way"] for x in said["transport"]] == ["pipe"]


def test_a_weir_that_stands_alone_says_what_is_missing(tmp_path):
    shutil.copy(EXE, tmp_path / "weir")
    r = subprocess.run([tmp_path / "weir", "bench", "transport"], capture_output=True, text=True)
    assert r.returncode == 69 and f"{tmp_path}/weir-bench: No such file" in r.stderr and "make" in r.stderr


@pytest.mark.skipif("redis" not in BETWEEN, reason="no redis-server")
def test_the_server_of_its_own_does_not_stay_behind(tmp_path):
    (tmp_path / "redis-server").write_text(f"#!/bin/sh\necho $$ >{tmp_path}/pid\nexec {shutil.which('redis-server')} \"$@\"\n")
    (tmp_path / "redis-server").chmod(0o755)
    r = bench("--seconds", "0.01", "--sizes", "64", "--ways", "redis", "--loads", "fast", env={**os.environ, "PATH": f"{tmp_path}:{os.environ['PATH']}"})
    assert r.returncode == 0 and "redis" in r.stdout
    assert not pathlib.Path(f"/proc/{(tmp_path / 'pid').read_text().strip()}").exists()
