"""Fixtures: a Larder of one's own, one for a whole file, a drop-in node, redis-cli."""

import shutil
import subprocess

import pytest

from support import processes
from support.larder import Larder
from support.node import Node


def pytest_configure():
    """Without the binary there is nothing to test."""
    if not processes.BINARY.is_file():
        raise pytest.UsageError(f"{processes.BINARY} is missing: cargo build --release")


def _end(larder, directory):
    """Stops, then looks for what was left behind; kills the rest in any case."""
    try:
        if larder.running():
            larder.stop()
        larder.check_logs()
        larder.check_clean_end()
        shutil.rmtree(directory)
    finally:
        larder.destroy()


@pytest.fixture
def larder(tmp_path):
    """A Larder with a quickstart instance, for one test that stops or kills parts of it."""
    one = Larder(tmp_path / "larder")
    try:
        one.start()
        yield one
    except BaseException:
        one.destroy()
        raise
    _end(one, one.directory)


@pytest.fixture(scope="module")
def shared(tmp_path_factory):
    """One Larder for all tests of a file; they leave it running."""
    one = Larder(tmp_path_factory.mktemp("shared") / "larder")
    try:
        one.start()
        yield one
    except BaseException:
        one.destroy()
        raise
    _end(one, one.directory)


@pytest.fixture
def make_node(tmp_path):
    """Starts drop-in nodes; stops those that still run."""
    nodes = []

    def make(*arguments, **options):
        node = Node(tmp_path / f"node-{len(nodes)}", *arguments)
        nodes.append(node)
        return node.start(**options)

    yield make
    try:
        for node in nodes:
            if node.process is not None:
                node.stop()
    finally:
        for node in nodes:
            node.destroy()


@pytest.fixture
def redis_cli():
    """Runs redis-cli against an instance; gives what it printed, stripped."""

    def run(instance, *arguments, auth=True, stdin=None):
        where = ["-u", instance["url"]] if auth else ["-h", instance["host"]]
        where += [] if auth else ["-p", str(instance["port"])]
        command = ["redis-cli", "--no-auth-warning", *where, *arguments]
        done = subprocess.run(command, input=stdin, capture_output=True, text=True, timeout=30)
        return (done.stdout + done.stderr).strip()

    return run
