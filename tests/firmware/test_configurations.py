"""Has each named configuration what its header says, and does the module say the same?"""

import pytest
from board import Board

HAS = "TLSv1_2 TLSv1_3 DTLS PSK CLIENT SERVER ECDH SNI PEM PEER_CERTIFICATE".split()
TINY = {"TLSv1_2", "CLIENT", "ECDH", "SNI", "PEM"}

# Suites that make the difference.
SUITES = {
    "tiny": {"TLS-ECDHE-ECDSA-WITH-AES-128-GCM-SHA256", "TLS-ECDHE-RSA-WITH-AES-128-GCM-SHA256"},
    "default": {"TLS1-3-CHACHA20-POLY1305-SHA256", "TLS-ECDHE-RSA-WITH-AES-256-GCM-SHA384"},
    "full": {"TLS1-3-AES-128-CCM-SHA256", "TLS-RSA-WITH-AES-128-CBC-SHA"},
}


@pytest.fixture
def run(any_image):
    """run(SCRIPT): what it prints on the board, as a Python value."""
    board = Board(any_image)

    def run(script):
        output, error = board.run(script)
        assert not error, error
        return eval(output)  # noqa: S307  our own script printed it

    yield run
    board.close()


@pytest.fixture
def configuration(any_image):
    return any_image.parent.name.split("-")[1]


def test_features(run, configuration):
    expected = TINY if configuration == "tiny" else set(HAS)
    assert run(f"import ssl; print([name for name in {HAS} if getattr(ssl, 'HAS_' + name)])") == [
        name for name in HAS if name in expected]


def test_cipher_suites(run, configuration):
    suites = set(run("import ssl; print(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT).get_ciphers())"))
    assert SUITES[configuration] == suites if configuration == "tiny" else SUITES[configuration] <= suites


REFUSALS = """
import ssl
def refusal(function, *args):
    try:
        function(*args)
    except Exception as e:
        return type(e).__name__, getattr(e, "reason", None)
print([refusal(ssl.SSLContext, protocol) for protocol in range(4)])
"""


def test_roles(run, configuration):
    missing = ("OSError", "unsupported") if configuration == "tiny" else None
    assert run(REFUSALS) == [None, missing, missing, missing]
