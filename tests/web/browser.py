# SPDX-License-Identifier: Apache-2.0
"""Chromium without a window, driven over its DevTools protocol through two pipes: nothing but Python's own library."""
import json
import os
import select
import subprocess
import time

# LocalNetworkAccessChecks: newer browsers keep pages of the internet off addresses like these; the board must not need it.
FLAGS = ("--headless=new --no-sandbox --disable-gpu --disable-dev-shm-usage --no-first-run --no-default-browser-check --disable-sync "
         "--disable-extensions --disable-component-update --disable-background-networking --disable-default-apps --metrics-recording-only "
         "--disable-features=Translate,OptimizationHints,MediaRouter,DialMediaRouteProvider,LocalNetworkAccessChecks --password-store=basic "
         "--remote-debugging-pipe").split()
ANSWER_S = 30


class Browser:
    """`profile`: an empty folder. `rules`: names and addresses, "MAP evil.example 127.0.0.1"; all others resolve to nothing."""

    def __init__(self, program, profile, rules):
        to_it, ours = os.pipe()
        theirs, from_it = os.pipe()
        self.out, self.inn, self.buffer, self.last, self.events = ours, theirs, b"", 0, []
        flags = FLAGS + [f"--user-data-dir={profile}", f"--host-resolver-rules={rules}"]
        self.process = subprocess.Popen(["sh", "-c", f'exec "$@" 3<&{to_it} 4>&{from_it}', "sh", program, *flags, "about:blank"],
                                        pass_fds=(to_it, from_it), stdin=subprocess.DEVNULL,
                                        stdout=subprocess.DEVNULL, stderr=open(os.path.join(profile, "log"), "wb"))
        os.close(to_it)
        os.close(from_it)

    def close(self):
        try:
            self.call("Browser.close")
            self.process.wait(10)
        except (OSError, TimeoutError, subprocess.TimeoutExpired):
            self.process.kill()
            self.process.wait()

    def pump(self, wait_s):
        """Reads what is there; the messages."""
        if not select.select([self.inn], [], [], wait_s)[0]:
            return []
        data = os.read(self.inn, 1 << 20)
        if not data:
            raise OSError("the browser ended")
        *whole, self.buffer = (self.buffer + data).split(b"\0")
        return [json.loads(m) for m in whole]

    def call(self, method, session=None, **params):
        self.last += 1
        wanted = self.last
        message = {"id": wanted, "method": method, "params": params}
        if session:
            message["sessionId"] = session
        os.write(self.out, json.dumps(message).encode() + b"\0")
        end = time.monotonic() + ANSWER_S
        answer = None
        while answer is None:
            if time.monotonic() > end:
                raise TimeoutError(f"{method}: no answer")
            for m in self.pump(0.5):
                if m.get("id") == wanted:
                    answer = m
                elif "method" in m:
                    self.events.append(m)
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']['message']}")
        return answer["result"]

    def tab(self, url="about:blank"):
        return Tab(self, url)


class Tab:
    """One page, with everything it asked for and complained about since it was opened."""

    def __init__(self, browser, url):
        self.browser = browser
        self.target = browser.call("Target.createTarget", url="about:blank")["targetId"]
        self.session = browser.call("Target.attachToTarget", targetId=self.target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network", "DOM", "Accessibility"):
            self.call(f"{domain}.enable")
        if url != "about:blank":
            self.go(url)

    def call(self, method, **params):
        return self.browser.call(method, self.session, **params)

    def go(self, url):
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete' && location.href !== 'about:blank'", f"{url} to load")

    def close(self):
        self.browser.call("Target.closeTarget", targetId=self.target)

    def eval(self, script):
        r = self.call("Runtime.evaluate", expression=script, awaitPromise=True, returnByValue=True, userGesture=True)
        if "exceptionDetails" in r:
            raise RuntimeError(r["exceptionDetails"].get("exception", {}).get("description", "exception") + " in " + script)
        return r["result"].get("value")

    def wait(self, script, what, seconds=60):
        """Until it is true. Between two pages there is nothing to ask."""
        end = time.monotonic() + seconds
        why = None
        while True:
            try:
                value = self.eval(script)
            except RuntimeError as between:
                value, why = None, between
            if value:
                return value
            if time.monotonic() > end:
                raise TimeoutError(f"waited in vain for {what} ({why}); the page says: {self.eval('document.documentElement.innerText')}")
            time.sleep(0.05)

    def events(self, *methods):
        self.browser.call("Browser.getVersion")  # whatever came before its answer
        return [e["params"] for e in self.browser.events if e.get("sessionId") == self.session and e["method"] in methods]

    def event(self, method, seconds=30):
        """The first of them, once it is there."""
        end = time.monotonic() + seconds
        while True:
            found = self.events(method)
            if found:
                return found[0]
            if time.monotonic() > end:
                raise TimeoutError(f"no {method}")
            time.sleep(0.05)

    def asked(self):
        return [e["request"]["url"] for e in self.events("Network.requestWillBeSent")]

    def complaints(self):
        out = [e["exceptionDetails"]["text"] for e in self.events("Runtime.exceptionThrown")]
        out += [e["entry"]["text"] for e in self.events("Log.entryAdded") if e["entry"]["level"] in ("error", "warning")]
        out += [str(e["args"]) for e in self.events("Runtime.consoleAPICalled") if e["type"] in ("error", "warning", "assert")]
        return out

    def choose(self, selector, path):
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", nodeId=node, files=[path])

    def press(self, key, code):
        text = {"text": "\r"} if key == "Enter" else {}
        self.call("Input.dispatchKeyEvent", type="keyDown", key=key, code=key, windowsVirtualKeyCode=code, **text)
        self.call("Input.dispatchKeyEvent", type="keyUp", key=key, code=key, windowsVirtualKeyCode=code)

    def network(self, upload=-1):
        """Bytes a second; -1: as fast as it goes."""
        self.call("Network.emulateNetworkConditions", offline=False, latency=0, downloadThroughput=-1, uploadThroughput=upload)

    def names(self):
        """What a screen reader finds: role -> names."""
        out = {}
        for n in self.call("Accessibility.getFullAXTree")["nodes"]:
            if not n.get("ignored"):
                out.setdefault(n["role"]["value"], []).append(n.get("name", {}).get("value", ""))
        return out
