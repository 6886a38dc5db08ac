"""Take the pictures of docs/reports.md from the running product: ``make screenshots``.

Starts the sandbox with a Prefect server, lets an update, a rotation and a remediation that is due happen, and looks at
what they left with the machine's own Chromium, in light and in dark. The pictures are not part of the repository: they
are written into build/screenshots/.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

import httpx
from playwright.sync_api import Browser

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT))

from sandbox.demo import command_line, sandbox_with_prefect  # noqa: E402
from sandbox.operator.browser import browser  # noqa: E402
from sandbox.operator.chromium import NoBrowser, chromium  # noqa: E402
from sandbox.world import World  # noqa: E402

PICTURES = ROOT / "build" / "screenshots"
SIZES = {"desktop": (1200, 900), "phone": (390, 844)}
SCHEMES = ("light", "dark")
UIS = {"v2": "/v2", "v1": ""}


def shoot(
    browsing: Browser,
    name: str,
    address: str,
    *,
    ready: str,
    sizes: list[str],
    folder: Path = PICTURES,
) -> None:
    """Take pictures of one page in every scheme, once ``ready`` is there to be seen."""
    for size in sizes:
        width, height = SIZES[size]
        for scheme in SCHEMES:
            page = browsing.new_page(
                viewport={"width": width, "height": height},
                color_scheme="dark" if scheme == "dark" else "light",
            )
            page.goto(address)
            page.locator(ready).first.wait_for(timeout=30_000)
            page.wait_for_load_state("networkidle")
            page.screenshot(path=folder / f"{name}-{size}-{scheme}.png", full_page=True)
            page.close()


def happen(world: World) -> None:
    """Let two updates, one of them with a consent that is not complete, and two rotations happen."""
    for service in ("hq", "branch"):
        world.rotate_ad(service)
        world.rotate_entra(service)
        command_line(world, "update", service)
    for connection in ("plant-m365", "depot-ad"):
        command_line(world, "rotate", connection)


def pages(world: World, folder: Path) -> dict[str, Path]:
    """Write the pages that are kept as files; return them by the names of their pictures."""
    made = {name: folder / f"{name}.html" for name in ("status", "rotation", "consent")}
    command_line(world, "status", "--html", str(made["status"]))
    command_line(world, "report", "plant-m365", "--html", str(made["rotation"]))
    command_line(world, "report", "branch-m365", "--html", str(made["consent"]))
    return made


def report_of(prefect: str, connection: str) -> dict[str, str]:
    """Return the last report of a connection as Prefect keeps it."""
    wanted = {"artifacts": {"key": {"any_": [connection]}}, "sort": "CREATED_DESC", "limit": 1}
    answer = httpx.post(f"{prefect}/api/artifacts/filter", json=wanted, trust_env=False)
    return dict(answer.json()[0])


def take(world: World, prefect: str, folder: Path) -> None:
    """Take every picture."""
    happen(world)
    newest = report_of(prefect, "branch-m365")
    with browser() as started:
        for name, file in pages(world, folder).items():
            shutil.copy(file, PICTURES)
            shoot(started, name, file.as_uri(), ready="main", sizes=list(SIZES))
        for ui, base in UIS.items():
            run = f"{prefect}{base}/runs/flow-run/{newest['flow_run_id']}?tab=Artifacts"
            shoot(started, f"prefect-run-{ui}", run, ready="text=branch", sizes=["desktop"])
            report = f"{prefect}{base}/artifacts/artifact/{newest['id']}"
            shoot(started, f"prefect-report-{ui}", report, ready="img", sizes=["desktop"])


def main() -> int:
    """Take the pictures and say where they are."""
    try:
        chromium()
    except NoBrowser as none:
        print(f"No pictures: {none}.")
        return 1
    shutil.rmtree(PICTURES, ignore_errors=True)
    PICTURES.mkdir(parents=True)
    with (
        tempfile.TemporaryDirectory() as folder,
        sandbox_with_prefect(Path(folder)) as (world, prefect),
    ):
        take(world, prefect.url, Path(folder))
    for picture in sorted(PICTURES.iterdir()):
        print(f"{picture.stat().st_size:>9,} {picture.relative_to(ROOT)}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
