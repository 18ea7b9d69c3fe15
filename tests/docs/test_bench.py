"""Do `make bench` and `make bench-life` still work? What is measured here means nothing."""

import pathlib
import subprocess

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent


def test_bench_runs(certs, tmp_path):
    report = tmp_path / "performance.md"
    report.write_text("what was before\n\n## Where time goes\n\nWritten by hand.\n", encoding="utf-8")
    result = subprocess.run([ROOT / "bench" / "hosted", "--quick", "-o", report], capture_output=True, text=True, timeout=300)
    assert result.returncode == 0, result.stdout[-2000:] + result.stderr[-2000:]
    text = report.read_text(encoding="utf-8")
    assert "what was before" not in text and text.endswith("\n## Where time goes\n\nWritten by hand.\n")
    for title in ("Ratios", "Bulk", "Handshakes and the rest", "System calls", "Connections under asyncio",
                  "HTTPS server under asyncio", "Growth"):
        assert f"\n## {title}\n" in text
    for line in text.splitlines():
        if line.startswith("!["):
            assert (tmp_path / line.partition("(")[2][:-1]).stat().st_size > 1000


def test_life_is_drawn(certs, tmp_path):
    subprocess.run([ROOT / "bench" / "life", tmp_path / "life.svg"], check=True, timeout=60)
    assert (tmp_path / "life.svg").read_bytes().startswith(b"<?xml")


def test_life_is_looked_at_inside_of_calls(run_mpy, certs):
    """Each phase is there, a record in flight is seen, and nothing is left at the end."""
    samples, stats = run_mpy(ROOT / "bench" / "life.py", [str(certs), "772"]).json
    assert list(dict.fromkeys(phase for phase, _ in samples)) == ["create", "handshake", "idle", "transfer", "close"]
    for end in ("client", "server"):
        held = {phase: [held[end] for name, held in samples if name == phase] for phase, _ in samples}
        assert 0 < held["idle"][0] < max(held["transfer"]) - 16384
        assert max(max(values) for values in held.values()) <= stats[end]["heap_peak"] and held["close"][-1] == 0
