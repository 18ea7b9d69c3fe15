"""Fixtures of the firmware tests. They need `make firmware`."""

import pathlib
import sys

import pytest

sys.path.insert(0, str(pathlib.Path(__file__).parent))

from board import IMAGES, OTHER_IMAGES, Board  # noqa: E402


def name_of(image):
    return image.parent.name


@pytest.fixture(scope="session", params=IMAGES, ids=name_of)
def image(request):
    """The firmware under test."""
    return request.param


@pytest.fixture(scope="session", params=IMAGES + OTHER_IMAGES, ids=name_of)
def any_image(request):
    """The same, of every configuration."""
    return request.param


@pytest.fixture
def board(image):
    """A board that has just booted it."""
    board = Board(image)
    yield board
    board.close()
