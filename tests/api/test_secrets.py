"""Are the secrets of a connection gone from the memory of the process when it is closed?

The process image of an interpreter is searched for what its keylog file has, and for the keys that are made of it. (What
src/engine frees is looked at block by block in tests/engine/test_secrets.c.)
"""

import hashlib
import hmac
import pathlib
import re

import mpy_cases
import pytest

PROGRAM = """
import gc
import sys

from pipes import Link, new_client_context, new_server_context, pin, transfer

keylog, version = sys.argv[1], int(sys.argv[2])
client, server = pin(version, new_client_context(), new_server_context())
client.keylog_filename = server.keylog_filename = keylog
link = Link(client, server)
assert transfer(link.client, link.server, b"ping" * 5000) == b"ping" * 5000
assert transfer(link.server, link.client, b"pong") == b"pong"
print("open")
sys.stdin.readline()
link.close()
print("closed")
sys.stdin.readline()
"""


def expand_label(secret, label, length, digest):
    """HKDF-Expand-Label of RFC 8446 section 7.1, without a context, for no more than one block."""
    label = b"tls13 " + label
    info = length.to_bytes(2, "big") + bytes([len(label)]) + label + b"\0"
    return hmac.new(secret, info + b"\1", digest).digest()[:length]


def secrets_in(keylog):
    """What must not be found, by name: the secrets, and the keys of records in TLS 1.3."""
    secrets = {}
    for line in keylog.read_text(encoding="ascii").splitlines():
        label, _, text = line.split()
        secret = secrets[label] = bytes.fromhex(text)
        if "TRAFFIC" in label:
            digest = {32: hashlib.sha256, 48: hashlib.sha384}[len(secret)]
            secrets[f"key of {label}"] = expand_label(secret, b"key", 16, digest)
            secrets[f"IV of {label}"] = expand_label(secret, b"iv", 12, digest)
    return secrets


def image(process):
    """The writable memory of a process."""
    parts = []
    with open(f"/proc/{process.pid}/mem", "rb", buffering=0) as memory:
        for line in pathlib.Path(f"/proc/{process.pid}/maps").read_text(encoding="utf-8").splitlines():
            match = re.match(r"([0-9a-f]+)-([0-9a-f]+) rw", line)
            if match and "[vvar]" not in line:
                start, end = (int(group, 16) for group in match.groups())
                memory.seek(start)
                parts.append(memory.read(end - start))
    return b"\n".join(parts)


def found(process, secrets):
    memory = image(process)
    forms = {name: (secret, secret.hex().encode()) for name, secret in secrets.items()}
    return {name for name, both in forms.items() if any(form in memory for form in both)}


@pytest.mark.parametrize("version", [0x0303, 0x0304], ids=["1.2", "1.3"])
def test_secrets_are_gone_after_close(start_mpy, engine, certs, tmp_path, version):
    keylog = tmp_path / "keys.txt"
    process = start_mpy(PROGRAM, [str(keylog), str(version)], env=mpy_cases.environment(engine, certs), stdin=True)
    process.wait_output("^open$")
    secrets = secrets_in(keylog)
    assert len(secrets) >= (1 if version == 0x0303 else 12)
    # The search finds what there is.
    assert found(process, secrets) & {"CLIENT_RANDOM", "CLIENT_TRAFFIC_SECRET_0"}
    process.send("\n")
    process.wait_output("^closed$")
    assert found(process, secrets) == set()
    process.send("\n")
    process.check()
