"""The page of `tfcli compare --html` in headless Chromium: it sorts, draws, selects and shows what differs."""

import json
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[1] / "runner"))
from many_runs import make_runs

from tfcli.commands.main import run

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(CHROMIUM is None, reason="there is no Chromium to open the page in")
REPORT = """
<script>
const found = {};
const cells = column => [...body.rows].map(row => row.cells[column].textContent);
const painted = () => canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height).data.some(byte => byte);
const at = name => heads.findIndex(head => head.title === name);
%s
const report = Object.assign(document.createElement("pre"), { id: "report", textContent: JSON.stringify(found) });
document.body.append(report);
</script>
"""


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> str:
    folder = tmp_path_factory.mktemp("page")
    for path in make_runs(folder / "runs", 30):
        (path / "plots").mkdir()
        matrix = {"classes": ["a", "<b>"], "counts": [[3, 1], [0, 4]]}
        (path / "plots" / "confusion_matrix.json").write_text(json.dumps(matrix))
    assert run(["compare", str(folder / "runs"), "--html", str(folder / "page.html"), "--quiet"]) == 0
    return (folder / "page.html").read_text(encoding="utf-8")


@pytest.fixture
def look(page: str, tmp_path: Path):
    """What a script that acts as the user finds on the page."""

    def look(script: str) -> dict:
        assert CHROMIUM is not None
        file = tmp_path / "page.html"
        file.write_text(page.replace("</body>", f"{REPORT % script}</body>"), encoding="utf-8")
        options = ["--headless", "--no-sandbox", "--disable-gpu", f"--user-data-dir={tmp_path / 'profile'}"]
        command = [CHROMIUM, *options, "--window-size=1200,900", "--dump-dom", file.as_uri()]
        done = subprocess.run(command, capture_output=True, text=True, timeout=120, check=False)
        report = re.search(r'<pre id="report">(.*?)</pre>', done.stdout, re.DOTALL)
        assert report, done.stdout[-500:] + done.stderr[-500:]
        return json.loads(report[1].replace("&lt;", "<").replace("&gt;", ">").replace("&amp;", "&"))

    return look


def test_a_click_on_a_column_sorts_and_another_turns_it(look):
    found = look("""
        const column = at("best val_loss");
        heads[column].click(); found.up = cells(column);
        heads[column].click(); found.down = cells(column);
        const better = at("best val_accuracy");
        heads[better].click(); found.accuracy = cells(better); found.sorted = heads[better].getAttribute("aria-sort");
    """)
    assert found["up"] == sorted(found["up"], key=float)
    assert found["down"] == found["up"][::-1]
    assert found["accuracy"] == sorted(found["accuracy"], key=float, reverse=True)
    assert (len(found["up"]), found["sorted"]) == (30, "descending")


def test_the_selected_runs_are_drawn(look):
    found = look("""
        found.first = [lines.length, painted()];
        byId("none").click(); found.none = lines.length;
        byId("all").click(); found.all = [lines.length, painted()];
        byId("none").click(); body.rows[3].click(); found.one = [lines.length, lines[0].label];
    """)
    assert found["first"] == [10, True]
    assert (found["none"], found["all"]) == (0, [30, True])
    assert found["one"] == [1, "sweep/20261101-000003-0003"]


def test_smoothing_and_a_logarithmic_axis_change_the_curves(look):
    found = look("""
        byId("none").click(); body.rows[0].click();
        found.plain = [lines[0].y[5], scale.y(lines[0].y[5])];
        byId("log").click(); found.log = scale.y(lines[0].y[5]);
        const turn = (id, value, kind) => { byId(id).value = value; byId(id).dispatchEvent(new Event(kind)) };
        turn("smoothing", 0.9, "input"); found.smooth = lines[0].y[5];
        turn("metric", "accuracy", "change"); found.other = lines[0].raw[5];
    """)
    assert found["log"] != found["plain"][1]
    assert found["smooth"] > found["plain"][0]
    assert found["other"] == pytest.approx(1 - 0.3, abs=0.3)


def test_the_pointer_on_a_curve_shows_its_value(look):
    found = look("""
        byId("none").click(); body.rows[0].click();
        const box = canvas.getBoundingClientRect();
        const point = { clientX: box.left + scale.x(5), clientY: box.top + scale.y(lines[0].y[4]) };
        canvas.dispatchEvent(new MouseEvent("mousemove", point));
        found.tip = tip.textContent; found.shown = tip.style.display; found.lit = body.rows[0].className;
    """)
    assert found["tip"].startswith("sweep/20261101-000000-0000epoch 5: ")
    assert (found["shown"], "lit" in found["lit"]) == ("block", True)


def test_what_differs_and_confusion_matrices_are_shown(look):
    found = look("""
        byId("none").click(); body.rows[0].click(); body.rows[7].click();
        found.keys = [...byId("differences").querySelectorAll("td:first-child")].map(cell => cell.textContent);
        found.figures = document.querySelectorAll("figure").length;
        found.classes = [...document.querySelector("figure tr").cells].map(cell => cell.textContent);
        byId("normalised").click(); found.share = document.querySelector("figure td").textContent;
    """)
    assert found["keys"] == ["seed", "model.layers.hidden.units", "optimizer.learning_rate", "host"]
    assert (found["figures"], found["classes"], found["share"]) == (2, ["", "a", "<b>"], "0.75")


def test_rows_are_filtered_and_the_theme_turns(look):
    found = look("""
        byId("filter").value = "000007"; byId("filter").dispatchEvent(new Event("input"));
        found.rows = body.rows.length;
        const before = document.documentElement.dataset.theme; byId("theme").click();
        found.themes = [before, document.documentElement.dataset.theme].sort();
    """)
    assert found == {"rows": 1, "themes": ["dark", "light"]}


def test_nothing_is_fetched(page: str):
    assert "default-src 'none'" in page
    assert not re.search(r"(src|href)\s*=|url\(|https?://|@import", page)
