"""Is what `make dist` gives all that somebody needs?"""

import os
import pathlib
import subprocess
import tarfile

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def make_dist(clone):
    words = subprocess.run([clone / "tools" / "make-dist"], check=True, capture_output=True, text=True).stdout.split()
    return clone / "build" / "dist" / words[1], words[0]


def test_archive(tmp_path, engine):
    """Two clones give the same bytes, and the interpreter of one engine can be built of them without git."""
    clones = [tmp_path / name for name in ("a", "b")]
    for clone in clones:
        subprocess.run(["git", "clone", "--quiet", ROOT, clone], check=True)
    (archive, digest), (other, other_digest) = map(make_dist, clones)
    assert archive.read_bytes() == other.read_bytes() and digest == other_digest
    subprocess.run(["sha256sum", "--check", "--quiet", f"{archive.name}.sha256"], cwd=archive.parent, check=True)

    if engine != "openssl":
        return  # the other one takes the same way, and twice as long

    with tarfile.open(archive) as tar:
        tar.extractall(tmp_path)
    tree = tmp_path / archive.name.removesuffix(".tar.gz")
    words = [f"{name}={os.environ.get(name, ROOT / 'build' / 'sources' / folder)}"
             for name, folder in (("MICROPY_DIR", "micropython"), ("MBEDTLS_DIR", "mbedtls"))]
    interpreter = f"build/{engine}/micropython"
    subprocess.run(["make", "-C", tree, interpreter, "CFLAGS_EXTRA=-O0", *words], check=True, capture_output=True,
                   env={**os.environ, "GIT_DIR": "/nowhere"})
    version = subprocess.run([tree / interpreter, "-c", "import ssl; print(ssl.__version__)"], check=True,
                             capture_output=True, text=True).stdout.strip()
    assert tree.name == f"micropython-ssl-{version}"
