"""Does `make bench` still work? What it measures here means nothing."""

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
