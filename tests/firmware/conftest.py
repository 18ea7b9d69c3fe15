"""Fixtures of the firmware tests. They need `make firmware`."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from board import IMAGES, Board  # noqa: E402


@pytest.fixture(scope="session", params=IMAGES, ids=[image.parent.name for image in IMAGES])
def image(request):
    """The firmware under test."""
    return request.param


@pytest.fixture
def board(image):
    """A board that has just booted it."""
    board = Board(image)
    yield board
    board.close()
