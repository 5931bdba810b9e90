"""Reports of a verdict, read by the tools that read them elsewhere.

    python benchmarks/consumers.py ARTIFACT --multitool Sarif.Multitool [--browser chromium] [--picture page.png]

ARTIFACT is an export that was validated. JUnit goes through its XML schema and junitparser, SARIF through the SARIF
Multitool (npm install @microsoft/sarif-multitool-linux), which knows its JSON schema, the page through a browser that
has no network and notes every address that it asks for, the model card through huggingface_hub. Each tool is also
given a broken file, which it has to refuse: a tool that likes everything has looked at nothing.
"""

from __future__ import annotations

import argparse
import json
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from xml.etree import ElementTree

import xmlschema
from huggingface_hub import ModelCard
from junitparser import JUnitXml

from mctl.report.verdict_files import read_result

XSD = Path(__file__).parents[1] / "tests" / "report" / "junit.xsd"
# Chromium asks for the time and for updates by itself; what the page asks for is what is left without that.
OWN = ("http://clients2.google.com/time/", "http://update.googleapis.com/", "https://update.googleapis.com/")
QUIET = ("--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run")
BROWSER = ("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--window-size=1200,3200", *QUIET)
Reader = Callable[[str], str]


def junit(text: str) -> str:
    xmlschema.XMLSchema(XSD).validate(ElementTree.fromstring(text))
    suites = list(JUnitXml.fromstring(text.encode()))
    cases, failures, errors = (sum(getattr(one, name) for one in suites) for name in ("tests", "failures", "errors"))
    return f"{len(suites)} suites, {cases} cases, {failures} failures, {errors} errors"


def sarif(multitool: Path) -> Reader:
    def read(text: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "one.sarif"
            path.write_text(text, encoding="utf-8")
            command = [str(multitool), "validate", path.name, "--output", "found.sarif", "--level", "Error;Warning"]
            environment = {"DOTNET_SYSTEM_GLOBALIZATION_INVARIANT": "1", "HOME": folder, "PATH": "/usr/bin:/bin"}
            said = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
        words = said.stdout + said.stderr
        if said.returncode or "error" in words.casefold():
            raise ValueError(words[-300:])
        return f"no error, {words.count(': warning ')} warnings"

    return read


def page(browser: str, picture: Path, verdict: str) -> Reader:
    def read(text: str) -> str:
        with tempfile.TemporaryDirectory() as folder:
            (Path(folder) / "page.html").write_text(text, encoding="utf-8")
            log = Path(folder) / "net.json"
            options = [*BROWSER, f"--user-data-dir={folder}/profile", f"--log-net-log={log}"]
            at = f"file://{folder}/page.html"
            # Without a network of its own: an address that the page asked for would be noted and not be reached.
            alone = ["unshare", "--net", browser, *options]
            subprocess.run([*alone, f"--screenshot={picture}", at], capture_output=True, check=True)
            noted = re.findall(r'"url":"(https?://[^"]+)"', log.read_text(encoding="utf-8"))
            asked = sorted({one for one in noted if not one.startswith(OWN)})
            shown = subprocess.run([*alone, "--dump-dom", at], capture_output=True, text=True, check=True).stdout
        if asked:
            raise ValueError(f"it asked for {', '.join(asked)}")
        if f">{verdict}</span>" not in shown or "<svg" not in shown:
            raise ValueError("the verdict or the picture of latency is not shown")
        return f"shown, {shown.count('<table')} tables, no address asked for"

    return read


def card(text: str) -> str:
    data = ModelCard(text, ignore_metadata_errors=False).data
    return f"{data.pipeline_tag}, {len(data.eval_results)} results, {data.co2_eq_emissions['emissions']} g CO2e"


def refusal(read: Reader, text: str) -> str:
    """What a tool says of a broken file.

    Raises:
        SystemExit: nothing, so that its word on the good file means nothing either.
    """
    try:
        read(text)
    except Exception as error:  # every tool has its own
        return type(error).__name__
    raise SystemExit("a broken file was taken")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("artifact", type=Path)
    parser.add_argument("--multitool", type=Path, required=True)
    parser.add_argument("--browser", default="chromium")
    parser.add_argument("--picture", type=Path, default=Path("page.png"))
    arguments = parser.parse_args()
    verdict = read_result(arguments.artifact).verdict
    remote = '<link rel="stylesheet" href="http://192.0.2.1/x.css">'
    readers: dict[str, tuple[str, Reader, Callable[[str], str]]] = {
        "junit.xml": ("XML schema, junitparser", junit, lambda text: text.replace("<testcase name", "<testcase nom")),
        "validation.sarif": (
            "SARIF Multitool",
            sarif(arguments.multitool.resolve()),
            lambda text: json.dumps(json.loads(text) | {"runs": 1}),
        ),
        "validation.html": (
            "Chromium without a network",
            page(arguments.browser, arguments.picture.resolve(), verdict),
            lambda text: re.sub(r"<meta http-equiv[^>]*>", remote, text),
        ),
        "README.md": (
            "huggingface_hub",
            card,
            lambda text: text.replace("co2_eq_emissions:", "co2_eq_emissions: [", 1),
        ),
    }
    print("| file | read by | it says | of a broken one |")
    print("|---|---|---|---|")
    for name, (tool, read, damage) in readers.items():
        text = (arguments.artifact / name).read_text(encoding="utf-8")
        print(f"| {name} | {tool} | {read(text)} | {refusal(read, damage(text))} |", flush=True)


if __name__ == "__main__":
    main()
