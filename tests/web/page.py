# SPDX-License-Identifier: Apache-2.0
"""The board's page in a browser. In folder DIR (made by page.sh) lie bundles and boards; one line "ok NAME" or "not ok NAME: why" per test."""
import http.server
import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time

from browser import Browser

DIR, PROGRAM = sys.argv[1:3]
PHONE, DESKTOP = (320, 640), (1280, 800)
SLOW = 20_000  # bytes a second: what has to happen during an upload does, on any machine


def path(name):
    return os.path.join(DIR, name)


def check(got, wanted):
    if got != wanted:
        raise AssertionError(f"got {got!r}, wanted {wanted!r}")


def has(text, part):
    if part not in text:
        raise AssertionError(f"{part!r} is not in {text!r}")


class Board:
    """`otadevice page` for a copy of a flash file; the address stays over power cuts."""

    made = []

    def __init__(self, flash):
        Board.made.append(self)
        self.flash = path(f"{len(Board.made)}.{flash}.flash")
        subprocess.run(["cp", path(flash + ".flash"), self.flash], check=True)
        self.log = self.flash + ".log"
        self.listen = "127.0.0.1:0"
        self.on()

    def on(self):
        self.process = subprocess.Popen(["otadevice", "page", "--flash", self.flash, "--listen", self.listen], stdin=subprocess.DEVNULL,
                                        stdout=subprocess.PIPE, stderr=open(self.log, "ab"), text=True)
        line = self.process.stdout.readline()
        self.url = line.split(" upload page at ")[1].strip()
        self.listen = self.url[len("http://"):-1]

    def cut_power(self):
        if self.process.returncode is None:
            self.process.kill()
            self.process.wait()
            self.process.stdout.close()

    def said(self):
        with open(self.log, encoding="utf-8") as f:
            return f.read()


class Site:
    """Another site, on this machine: what it serves is set by path; what came is counted by path."""

    def __init__(self):
        self.pages, self.asked = {}, []
        site = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self):
                site.asked.append(self.path)
                body = site.pages.get(self.path, "").encode()
                self.send_response(200 if body else 404)
                self.send_header("Content-Type", "text/html")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *unused):
                pass

        self.server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self.server.serve_forever, daemon=True).start()
        self.url = f"http://evil.example:{self.server.server_port}/"


class Relay:
    """The network between browser and board. (Chromium's own "offline" lets an upload through whose next bytes it has not asked for yet.)"""

    def __init__(self, board):
        self.to = tuple(board.listen.rsplit(":", 1))
        self.up, self.ends = True, []
        self.server = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self.server.getsockname()[1]}/"
        threading.Thread(target=self.serve, daemon=True).start()

    def serve(self):
        while True:
            browser, _ = self.server.accept()
            try:
                board = socket.create_connection(self.to)
            except OSError:
                browser.close()
                continue
            self.ends += [browser, board]
            if not self.up:
                self.cut()
            for pair in ((browser, board), (board, browser)):
                threading.Thread(target=self.carry, args=pair, daemon=True).start()

    @staticmethod
    def carry(source, sink):
        try:
            while data := source.recv(4096):
                sink.sendall(data)
            sink.shutdown(socket.SHUT_WR)
        except OSError:
            pass

    def cut(self):
        self.up = False
        while self.ends:
            try:
                self.ends.pop().shutdown(socket.SHUT_RDWR)
            except OSError:
                pass

    def mend(self):
        self.up = True


# ---- what the page shows --------------------------------------------------------------------------------------------

def text(tab, element):
    return tab.eval(f"document.getElementById('{element}').textContent")


def looked(tab):
    tab.wait("document.getElementById('board').textContent !== '...'", "what runs")


def watch(tab):
    """Keeps what the page says, and every per cent that it shows."""
    tab.eval("""window.said = []; window.percents = [];
        const keep = (list, value) => { if (list[list.length - 1] !== value) list.push(value); };
        new MutationObserver(() => {
            keep(said, document.getElementById('result').textContent);
            if (!document.getElementById('progress').hidden) keep(percents, document.getElementById('bar').value);
        }).observe(document.body, {subtree: true, childList: true, attributes: true, characterData: true}); 1""")


def start(tab, bundle):
    tab.choose("#file", path(bundle))
    tab.eval("document.getElementById('send').click()")


def result(tab, seconds=60):
    """Once it is decided: kind and text."""
    tab.wait("['good', 'bad'].includes(document.getElementById('result').className) && !document.getElementById('send').disabled", "a result", seconds)
    return tab.eval("document.getElementById('result').className"), text(tab, "result")


def install(tab, bundle):
    start(tab, bundle)
    return result(tab)


def fits(tab):
    """Nothing to scroll to the side, at the width of a small phone and on a desk."""
    for width, height in (PHONE, DESKTOP):
        tab.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width == PHONE[0])
        wide = tab.eval("document.documentElement.scrollWidth")
        if wide > width:
            raise AssertionError(f"{wide} pixels are wanted where {width} are")
    tab.call("Emulation.setDeviceMetricsOverride", width=PHONE[0], height=PHONE[1], deviceScaleFactor=1, mobile=True)


# ---- tests ----------------------------------------------------------------------------------------------------------

def test_page_loads_without_complaint_and_shows_what_runs(browser):
    board = Board("new")
    tab = browser.tab(board.url)
    looked(tab)
    check(text(tab, "board"), "kitchen")
    check(text(tab, "product"), "thermo, channel stable")
    check(text(tab, "running"), "1.0.0, release not known")
    check(text(tab, "last"), "none yet")
    fits(tab)
    check(tab.complaints(), [])
    check({re.sub(r"^data:.*", "data:", u) for u in tab.asked()} - {"data:"}, {board.url, board.url + "status"})


def test_page_is_for_keyboards_and_screen_readers(browser):
    board = Board("new")
    tab = browser.tab(board.url)
    looked(tab)
    tab.eval("document.getElementById('progress').hidden = false")
    names = tab.names()
    check(names["heading"], ["Firmware update"])
    has(names["button"], "Install")
    has(" ".join(names["button"]), "Bundle, a file that ends in .otab")
    check(names["progressbar"], ["Sent"])
    has(names, "status")
    tab.choose("#file", path("1.otab"))
    reached = []
    for _ in range(3):
        tab.press("Tab", 9)
        reached.append(tab.eval("document.activeElement.id"))
        if reached[-1] == "send":
            break
    check(reached, ["file", "send"])
    check(tab.eval("getComputedStyle(document.activeElement).outlineStyle"), "solid")
    tab.press("Enter", 13)
    kind, said = result(tab)
    check(kind, "bad")
    has(said, "Refused: ")


def test_page_installs_a_bundle_with_progress(browser):
    board = Board("old")
    tab = browser.tab(board.url)
    looked(tab)
    watch(tab)
    tab.network(upload=200_000)
    kind, said = install(tab, "3.otab")
    check(said, "Installed: release 3 (3.0.0) runs.")
    check(kind, "good")
    percents = tab.eval("percents")
    check(percents, sorted(percents))
    check((percents[0], percents[-1]), (0, 100))
    if len(percents) < 4:
        raise AssertionError(f"only {percents} were shown")
    steps = "\n".join(tab.eval("said"))
    has(steps, "Sending and checking. Keep this page open")
    has(steps, "Release 3 (3.0.0) is verified: the board reboots to install it. Wait, and stay in its network.")
    tab.wait("document.getElementById('running').textContent === '3.0.0, release 3'", "the new version")
    check(text(tab, "last"), "release 3: installed")
    fits(tab)
    check(tab.complaints(), [])


def test_page_sends_a_bundle_again_behind_its_partition_table(browser):
    board = Board("new")
    tab = browser.tab(board.url)
    looked(tab)
    watch(tab)
    check(install(tab, "2.otab"), ("good", "Installed: release 2 (2.0.0) runs."))
    has("\n".join(tab.eval("said")), "The new partition table is in place. Sending the bundle again for the rest.")
    check(install(tab, "2.otab")[0], "bad")


def test_page_says_why_a_bundle_is_refused(browser):
    board = Board("old")
    tab = browser.tab(board.url)
    looked(tab)
    kind, said = install(tab, "2.otab")
    check(kind, "bad")
    has(said, "Refused: thermo: release 2 (2.0.0) is not newer than release 2 (2.0.0) on this board. The board goes on as before.")
    kind, said = install(tab, "wrong.otab")
    check(kind, "bad")
    has(said, "SHA-256")
    fits(tab)
    check(install(tab, "huge.otab"), ("bad", "Refused: larger than the flash of this board."))
    kind, said = install(tab, "page.py")
    has(said, "Refused: ")
    check(text(tab, "running"), "2.0.0, release 2")
    check(install(tab, "3.otab"), ("good", "Installed: release 3 (3.0.0) runs."))


def test_page_says_that_an_upload_broke_off_and_goes_on(browser):
    board = Board("old")
    relay = Relay(board)
    tab = browser.tab(relay.url)
    looked(tab)
    tab.network(upload=SLOW)
    start(tab, "3.otab")
    tab.wait("document.getElementById('bar').value >= 5", "a part of the upload")
    board.cut_power()
    kind, said = result(tab)
    check((kind, said), ("bad", "The connection broke. The board is as it was: send the bundle again."))
    board.on()
    tab.network(upload=SLOW)
    start(tab, "3.otab")
    tab.wait("document.getElementById('bar').value >= 5", "a part of the upload")
    relay.cut()
    check(result(tab)[0], "bad")
    relay.mend()
    tab.network()
    check(install(tab, "3.otab"), ("good", "Installed: release 3 (3.0.0) runs."))


def test_page_does_not_wait_for_a_board_that_froze(browser):
    board = Board("old")
    tab = browser.tab(board.url)
    looked(tab)
    tab.network(upload=SLOW)
    start(tab, "3.otab")
    tab.wait("document.getElementById('bar').value >= 5", "a part of the upload")
    # From now on a minute of the page is a tenth of a second.
    tab.eval("{ const real = setTimeout; window.setTimeout = (f, ms) => real(f, ms / 600); } 1")
    os.kill(board.process.pid, signal.SIGSTOP)
    check(result(tab), ("bad", "The connection broke. The board is as it was: send the bundle again."))
    tab.eval("first(); 1")
    tab.wait("document.getElementById('result').textContent.startsWith('The board does not answer: ')", "what is wrong")


def test_page_takes_one_tab_at_a_time(browser):
    board = Board("old")
    first, second = browser.tab(board.url), browser.tab(board.url)
    looked(first)
    looked(second)
    first.network(upload=SLOW)
    start(first, "3.otab")
    first.wait("document.getElementById('bar').value >= 5", "a part of the upload")
    kind, said = install(second, "3.otab")
    check(kind, "bad")
    has(said, "another bundle is being sent to this board: wait for its end")
    second.go(board.url)
    looked(second)
    first.network()
    check(result(first), ("good", "Installed: release 3 (3.0.0) runs."))


def test_page_tells_markup_as_text(browser):
    board = Board("markup")
    tab = browser.tab(board.url)
    looked(tab)
    check(text(tab, "running"), "<img src=x onerror=alert(1)>, release not known")
    kind, said = install(tab, "markup.otab")
    check(kind, "bad")
    has(said, "a bundle for product <b>bad; this board is a thermo")
    check(tab.eval("document.querySelectorAll('main img, main b, main script').length"), 0)
    check(tab.eval("document.querySelectorAll('script').length"), 1)
    fits(tab)
    check([c for c in tab.complaints() if "422" not in c], [])


def test_page_says_that_no_board_answers(browser):
    board = Board("new")
    tab = browser.tab(board.url)
    looked(tab)
    tab.call("Fetch.enable", patterns=[{"urlPattern": "*/status"}])
    tab.call("Page.reload")
    paused = tab.event("Fetch.requestPaused")
    body = "eyJjb2RlIjoiYnVzeSIsImRldGFpbCI6InRoaXMgYm9hcmQgaXMgYnVzeSJ9"  # {"code":"busy","detail":"this board is busy"}
    tab.call("Fetch.fulfillRequest", requestId=paused["requestId"], responseCode=503,
             responseHeaders=[{"name": "Content-Type", "value": "application/problem+json"}], body=body)
    tab.wait("document.getElementById('result').textContent === 'The board says: this board is busy.'", "what the board says")
    board.cut_power()
    tab.call("Fetch.disable")
    tab.wait("document.getElementById('result').textContent .startsWith('The board does not answer: ')", "what is wrong")
    board.on()
    looked(tab)
    tab.wait("document.getElementById('result').textContent === ''", "the complaint to go")
    board.cut_power()


# ---- other sites ----------------------------------------------------------------------------------------------------

ATTACK = """<!doctype html><body><iframe id='frame' src='BOARD'></iframe><iframe name='sink'></iframe><script>
const bytes = new Uint8Array(4096);
const tries = {
  read: () => fetch('BOARD').then(a => a.text()),
  read_status: () => fetch('BOARDstatus').then(a => a.text()),
  read_opaque: () => fetch('BOARD', {mode: 'no-cors'}).then(a => a.text()),
  post: () => fetch('BOARDbundle', {method: 'POST', body: bytes, headers: {'X-OTA-Token': 'TOKEN', 'Content-Type': 'application/octet-stream'}}).then(a => a.status),
  post_simple: () => fetch('BOARDbundle', {method: 'POST', mode: 'no-cors', body: new Blob([bytes], {type: 'text/plain'})}).then(a => a.type + a.status),
  post_untyped: () => fetch('BOARDbundle', {method: 'POST', mode: 'no-cors', body: bytes}).then(a => a.type + a.status),
  beacon: async () => String(navigator.sendBeacon('BOARDbundle', new Blob([bytes], {type: 'text/plain'}))),
  script: () => new Promise((done, broke) => { const s = document.createElement('script'); s.src = 'BOARDstatus'; s.onload = () => done('loaded'); s.onerror = () => broke('blocked'); document.body.append(s); }),
};
const outcome = {};
(async () => {
  for (const [name, go] of Object.entries(tries))
    try { outcome[name] = await go(); } catch (why) { outcome[name] = 'failed'; }
  for (const type of ['multipart/form-data', 'text/plain', 'application/x-www-form-urlencoded']) {
    const form = document.createElement('form');
    form.method = 'post'; form.action = 'BOARDbundle'; form.enctype = type; form.target = 'sink';
    form.innerHTML = "<input name='x' value='y'>";
    document.body.append(form);
    form.submit();
    await new Promise(done => setTimeout(done, 100));
  }
  outcome.done = true;
})();
</script>"""


def test_page_lets_no_other_site_in(browser):
    board, site = Board("old"), Site()
    own = browser.tab(board.url)
    looked(own)
    token = own.eval("document.querySelector('meta[name=token]').content")
    site.pages["/attack"] = ATTACK.replace("BOARD", board.url).replace("TOKEN", token)
    tab = browser.tab(site.url + "attack")
    outcome = tab.wait("outcome.done && outcome", "the attack to end")
    for name in ("read", "read_status", "post", "script"):
        check((name, outcome[name]), (name, "failed"))
    check(outcome["read_opaque"] in ("", "failed"), True)
    answers = {}
    for r in tab.events("Network.responseReceived"):
        answers.setdefault(r["response"]["url"], set()).add(r["response"]["status"])
    if not answers[board.url + "bundle"] <= {403, 405, 415}:
        raise AssertionError(f"answers to posts: {answers}")
    check(answers[board.url + "bundle"] & {403}, {403})
    check(tab.eval("document.getElementById('frame').contentDocument"), None)
    has(" ".join(tab.complaints()), "frame-ancestors")
    has(own.eval("fetch('status').then(a => a.text())"), '"busy":false')
    check(own.eval("fetch('status').then(a => a.json()).then(s => s.received)"), 0)
    if "bundle" in board.said():
        raise AssertionError(f"the board says: {board.said()}")
    # A name of its own, which it lets point to the board once its page is loaded: the browser takes both for one site.
    rebound = board.url.replace("127.0.0.1", "evil.example")
    tab.call("Fetch.enable", patterns=[{"urlPattern": rebound}])
    tab.eval(f"setTimeout(() => location.href = '{rebound}'); 1")
    paused = tab.event("Fetch.requestPaused")
    tab.call("Fetch.fulfillRequest", requestId=paused["requestId"], responseCode=200,
             responseHeaders=[{"name": "Content-Type", "value": "text/html"}], body="PGgxPnJlYm91bmQ8L2gxPg==")  # <h1>rebound</h1>
    tab.wait("document.body.innerText === 'rebound'", "the page of the other site")
    has(tab.eval("fetch('/status').then(a => a.text())"), "this board is not called so: use the address it gave")
    check(tab.eval(f"fetch('bundle', {{method: 'POST', body: 'x', headers: {{'X-OTA-Token': '{token}', 'Content-Type': 'application/octet-stream'}}}}).then(a => a.status)"), 403)
    site.server.shutdown()


def main():
    failed = 0
    tests = [(n, t) for n, t in globals().items() if n.startswith("test_") and (len(sys.argv) < 4 or n in sys.argv[3:])]
    with tempfile.TemporaryDirectory(dir=DIR) as profile:
        browser = Browser(PROGRAM, profile, "MAP evil.example 127.0.0.1, MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")
        try:
            for name, test in tests:
                try:
                    began = time.monotonic()
                    test(browser)
                    print(f"ok {name[5:]}", flush=True)
                    print(f"# {time.monotonic() - began:.1f} s", flush=True)
                except Exception as why:  # whatever it is, the next one is tried
                    failed += 1
                    print(f"not ok {name[5:]}: {type(why).__name__}: {why}".replace("\n", " "), flush=True)
                for board in Board.made:
                    board.cut_power()
        finally:
            browser.close()
    return 1 if failed else 0


sys.exit(main())
