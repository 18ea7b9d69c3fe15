"""Is a page that MicroPython serves (examples/https_serve.py) seen by the programs with which people look at pages?"""

import asyncio
import base64
import itertools
import json
import os
import pathlib
import sys

import pytest
import websockets

ROOT = pathlib.Path(__file__).resolve().parent.parent.parent
LOGS = ROOT / "build" / "logs"
PAGE = """<!doctype html>
<meta charset="utf-8">
<title>Nothing yet</title>
<link rel="stylesheet" href="style.css">
<h1>MicroPython</h1>
<p id="said">…</p>
<img src="picture.svg" alt="a picture">
<script src="script.js"></script>
"""
STYLE = "body { font: 20px sans-serif; color: rgb(1, 2, 3) }\n"
SCRIPT = "fetch('data.json').then(r => r.json()).then(d => { said.innerText = d.say; document.title = 'complete' })\n"
PICTURE = '<svg xmlns="http://www.w3.org/2000/svg" width="321" height="50"><rect width="321" height="50" fill="teal"/></svg>'
NODE = """
const https = require('https'), fs = require('fs')
https.get(process.argv[1], { ca: fs.readFileSync(process.argv[2]) }, response => {
    process.stderr.write(response.socket.getProtocol() + ' ' + response.socket.authorized)
    response.pipe(process.stdout)
})
"""
PYTHON = """
import ssl, sys, urllib.request
context = ssl.create_default_context(cafile=sys.argv[2])
sys.stdout.write(urllib.request.urlopen(sys.argv[1], context=context).read().decode())
"""


@pytest.fixture
def site(start_mpy, free_port, certs, tmp_path):
    """The port of https_serve with a page and what belongs to it."""
    folder = tmp_path / "site"
    folder.mkdir()
    for name, text in (("index.html", PAGE), ("style.css", STYLE), ("script.js", SCRIPT), ("picture.svg", PICTURE),
                       ("data.json", json.dumps({"say": "Grüße über TLS"}))):
        (folder / name).write_text(text, encoding="utf-8")
    port = free_port()
    start_mpy(ROOT / "examples" / "https_serve.py", [
        str(folder), "--port", str(port), "--cert", str(certs / "ec-chain.pem"), "--key", str(certs / "ec.key"),
    ]).wait_port(port)
    return port


@pytest.mark.parametrize("root", ["root", "other-root"], ids=["trusted", "not-trusted"])
@pytest.mark.parametrize("visitor", ["curl", "wget", "node", "python"])
def test_page_is_fetched(start, tool, certs, site, visitor, root):
    """By clients that verify the server; and by none of them that does not trust its root."""
    url, anchor = f"https://localhost:{site}/index.html", certs / f"{root}.pem"
    process = start({
        "curl": lambda: [tool("curl"), "-sS", "--cacert", anchor, url],
        "wget": lambda: [tool("wget"), "--no-config", "-qO-", f"--ca-certificate={anchor}", url],
        "node": lambda: [tool("node"), "-e", NODE, url, anchor],
        "python": lambda: [sys.executable, "-c", PYTHON, url, anchor],
    }[visitor](), env={"PATH": os.environ["PATH"], "SSL_CERT_DIR": "/nonexistent"})
    if root == "root":
        assert process.check() == PAGE
    else:
        assert process.wait() != 0 and PAGE not in process.stdout


@pytest.mark.parametrize("visitor", ["openssl", "gnutls-cli"])
def test_page_is_fetched_by_hand(start, tool, certs, site, visitor):
    """By the command-line clients of two TLS libraries, which show the connection too."""
    process = start({
        "openssl": lambda: [tool("openssl"), "s_client", "-connect", f"127.0.0.1:{site}", "-servername", "localhost",
                            "-verify_return_error", "-verify_hostname", "localhost", "-CAfile", certs / "root.pem",
                            "-ign_eof"],
        "gnutls-cli": lambda: [tool("gnutls-cli"), "--port", site, "--x509cafile", certs / "root.pem",
                               "--verify-hostname", "localhost", "127.0.0.1"],
    }[visitor](), stdin=True)
    process.send("GET / HTTP/1.1\r\nHost: localhost\r\n\r\n")
    text = process.check()
    assert PAGE in text
    assert {"openssl": "Verify return code: 0 (ok)", "gnutls-cli": "The certificate is trusted."}[visitor] in text
    assert "TLSv1.3" in text.replace("TLS1.3", "TLSv1.3")


# ----------------------------------------------------------------------------------------------------------------------
# A browser


class Browser:
    """Chromium, through its DevTools protocol."""

    def __init__(self, socket):
        self._socket = socket
        self._numbers = itertools.count(1)
        self._page = {}
        self.events = []

    async def call(self, method, **params):
        number = next(self._numbers)
        await self._socket.send(json.dumps({"id": number, "method": method, "params": params, **self._page}))
        while True:
            message = json.loads(await asyncio.wait_for(self._socket.recv(), 20))
            if message.get("id") == number:
                assert "error" not in message, message
                return message["result"]
            self.events.append((message["method"], message["params"]))

    async def open(self, url):
        target = await self.call("Target.createTarget", url="about:blank")
        page = await self.call("Target.attachToTarget", flatten=True, **target)
        self._page = page
        for domain in ("Security", "Network", "Page"):
            await self.call(f"{domain}.enable")
        return await self.call("Page.navigate", url=url)

    async def evaluate(self, expression):
        return (await self.call("Runtime.evaluate", expression=expression, returnByValue=True))["result"].get("value")

    async def wait_until(self, condition):
        for _ in range(200):
            if await condition():
                return
            await asyncio.sleep(0.05)
        raise AssertionError(f"it did not happen; the last events: {self.events[-5:]}")

    @property
    def security(self):
        """What the security panel shows now."""
        return [params["visibleSecurityState"] for method, params in self.events
                if method == "Security.visibleSecurityStateChanged"][-1]


@pytest.fixture
def chromium(start, tool, certs, tmp_path):
    """chromium(STEPS): runs the coroutine function STEPS with a browser whose user trusts the test's root."""
    def chromium(steps):
        home = tmp_path / "home"
        database = home / ".pki" / "nssdb"
        database.mkdir(parents=True)
        for words in (["-N", "--empty-password"], ["-A", "-n", "test", "-t", "C,,", "-i", certs / "root.pem"]):
            start([tool("certutil"), "-d", f"sql:{database}", *words]).check()
        process = start([
            tool("chromium"), "--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--no-first-run",
            "--disable-background-networking", "--disable-component-update", "--window-size=800,400",
            "--remote-debugging-port=0", f"--user-data-dir={home}/data", "about:blank",
        ], env={"PATH": os.environ["PATH"], "HOME": str(home)})
        place = process.wait_output(r"^DevTools listening on (ws://\S+)", 60, "stderr")[1]

        async def connect():
            async with websockets.connect(place, max_size=None) as socket:
                await steps(Browser(socket))

        asyncio.run(connect())

    return chromium


def test_page_in_a_browser(chromium, site, certs, engine):
    """Chromium loads the page and all that belongs to it over TLS 1.3, and calls it secure. A screenshot is kept."""
    async def visit(browser):
        await browser.open(f"https://localhost:{site}/")

        async def is_complete():
            return await browser.evaluate("document.title") == "complete"

        await browser.wait_until(is_complete)
        assert await browser.evaluate("said.innerText") == "Grüße über TLS"
        assert await browser.evaluate("document.images[0].naturalWidth") == 321
        assert await browser.evaluate("getComputedStyle(document.body).color") == "rgb(1, 2, 3)"
        security = browser.security
        assert security["securityState"] == "secure" and security["securityStateIssueIds"] == []
        certificate = security["certificateSecurityState"]
        assert certificate["protocol"] == "TLS 1.3"
        assert base64.b64decode(certificate["certificate"][0]) == (certs / "ec.der").read_bytes()
        for flag in ("certificateHasWeakSignature", "certificateHasSha1Signature", "modernSSL", "obsoleteSslProtocol",
                     "obsoleteSslKeyExchange", "obsoleteSslCipher", "obsoleteSslSignature"):
            assert certificate[flag] is (flag == "modernSSL"), flag
        answers = [params["response"] for method, params in browser.events if method == "Network.responseReceived"]
        seen = {answer["url"].rpartition("/")[2] for answer in answers if answer["status"] == 200}
        assert {"", "style.css", "script.js", "picture.svg", "data.json"} <= seen
        picture = base64.b64decode((await browser.call("Page.captureScreenshot"))["data"])
        assert picture.startswith(b"\x89PNG")
        LOGS.mkdir(exist_ok=True)
        (LOGS / f"chromium-{engine}.png").write_bytes(picture)

    chromium(visit)


def test_browser_refuses(chromium, start_mpy, free_port, certs, tmp_path):
    """A browser does not show the page of a server whose certificate is for another name."""
    port = free_port()
    server = start_mpy(ROOT / "examples" / "https_serve.py", [
        str(tmp_path), "--port", str(port), "--cert", str(certs / "wrong-name-chain.pem"),
        "--key", str(certs / "wrong-name.key")]).wait_port(port)

    async def visit(browser):
        assert (await browser.open(f"https://localhost:{port}/"))["errorText"] == "net::ERR_CERT_COMMON_NAME_INVALID"

        async def is_told():
            await browser.evaluate("1")
            return browser.security["securityState"] == "insecure-broken"

        await browser.wait_until(is_told)

    chromium(visit)
    assert "200" not in server.stdout
