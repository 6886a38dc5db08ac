"""The strict check of prefect.yaml and automations.yaml: what Prefect takes without a word is told here."""

from __future__ import annotations

import os
import secrets
import subprocess
import sys
from pathlib import Path

import pytest

from cli.deployments import AUTOMATIONS_YAML, PREFECT_YAML, check, find_flow, main
from cli.exits import Exit
from cli.yaml_file import FileProblems
from report.verdict import OUTCOMES

ROOT = Path(__file__).parents[3]
DEPLOYMENTS = (ROOT / PREFECT_YAML).read_text()
AUTOMATIONS = (ROOT / AUTOMATIONS_YAML).read_text()
DAILY = '      - slug: daily\n        cron: "0 6 * * *"\n        timezone: Etc/UTC\n'
MODULE = "flows.verify_connections.verify_connections"
# What is replaced in prefect.yaml, by what, and the field and the words of the mistake.
MISTAKES = {
    "typo in a deployment": ("    schedules:\n      # Every day", "    shedules:\n      # Every day", "[verify].shedules: is not a known"),
    "typo in a pool": ("work_queue_name: update", "queue: update", "[update].work_pool.work_queue_name: is missing"),
    "typo in a schedule": (DAILY, DAILY.replace("timezone", "time_zone"), "[daily].time_zone: is not a known"),
    "no time zone": (DAILY, DAILY.rsplit("        timezone", 1)[0], "[daily].timezone: is missing"),
    "unknown time zone": (DAILY, DAILY.replace("Etc/UTC", "Europe/Berlinn"), "is no time zone"),
    "broken cron": ('"0 6 * * *"', '"0 26 * * *"', "[daily].cron: is no cron expression"),
    "cron with seconds": ('"0 6 * * *"', '"0 0 6 * * *"', "must have five parts"),
    "a number as a text": ("older_than_days: 30", 'older_than_days: "30"', "parameters.older_than_days: the flow rotate_due_connections refuses"),
    "unknown parameter": ("older_than_days: 30", "older_than: 30", "parameters.older_than: the flow rotate_due_connections has no such"),
    "unknown parameter of a schedule": (DAILY, DAILY + "        parameters: {service: hq}\n", "[daily].parameters.service: the flow"),
    "no such module": (MODULE, "flows.verify_connection.verify_connections", "entrypoint: there is no module flows.verify_connection."),
    "no such flow": (MODULE, "flows.verify_connections.verify", "flows.verify_connections has no flow verify"),
    "a function that is no flow": (MODULE, "flows.verify_connections.driven", "has no flow driven"),
    "a path to a file": (MODULE, "flows/verify_connections.py:verify_connections", "entrypoint: string should match"),
    "left out": (MODULE, "flows.update_account_credentials.update_account_credentials", f"deployments: {MODULE} has no entry"),
    "the same name": ("- name: rotate\n", "- name: update\n", "[update].name: the name is taken"),
    "no description": ("    description: >-\n      Find", "    about: >-\n      Find", "[reconcile].description: is missing"),
    "no queue's pool": ("      name: account-rotation\n      work_queue_name: verify", "      work_queue_name: verify", "[verify].work_pool.name: is missing"),
    "form that is not enforced": ("true\n    parameters: {}\n", "false\n    parameters: {}\n", "enforce_parameter_schema"),
    "cancelling": ("parameters: {}\n", "parameters: {}\n    concurrency_limit: {limit: 1, collision_strategy: CANCEL_NEW}\n", "collision_strategy"),
    "a lease around changes": ("parameters: {}\n", "parameters: {}\n    concurrency_limit: {limit: 1, collision_strategy: ENQUEUE}\n", "[update].concurrency_limit: a run that changes something could be cancelled half-way"),
    "the path of the checkout": ("pull: []", "pull: null", "pull: input should be a valid list"),
    "a schedule without its parameter": ("    # rotate-due looks", f"    schedules:\n{DAILY}    # rotate-due looks", "nobody gives the parameter connection"),
    "a schedule that does not say so": ("    # rotate-due looks", f"    schedules:\n{DAILY}        parameters: {{connection: hq-ad}}\n    # rotate-due looks", "Add asked_by: schedule"),
    "two schedules of one name": (DAILY, DAILY + DAILY, "[verify].schedules: two slugs are the same"),
    "a field given twice": ("push: null", "build: null", "a field is given twice"),
    "a misspelt top": ("deployments:\n", "deployment:\n", "deployment: is not a known field"),
    "yes for true": ("enforce_parameter_schema: true", "enforce_parameter_schema: yes", "enforce_parameter_schema"),
    "no YAML": ("build: null", "build: [", "this is no YAML"),
}  # fmt: skip
# The same in automations.yaml.
RULES = {
    "a lost expect": ("      expect:\n        - cayosoft.connection.needs", "      expects:\n        - cayosoft.connection.needs", "trigger.expect: is missing"),
    "an empty expect": ("      expect:\n        - prefect.work-pool.not-ready\n", "      expect: []\n", "expect: list should have at least 1 item"),
    "an event that nobody emits": ("- cayosoft.connection.refused", "- cayosoft.connection.refusd", "trigger.expect[3]: nothing emits this event"),
    "an event of somebody else": ("- prefect.work-pool.not-ready", "- work-pool.not-ready", "nothing emits this event"),
    "a lost match": ("      match:\n        prefect.resource.id: prefect.work-pool.*\n        prefect.resource.name: account-rotation\n", "", "[account-rotation: no worker].trigger.match: is missing"),
    "proactive without after": ("      after:\n        - prefect.flow-run.heartbeat\n", "", "needs after and for_each"),
    "proactive without a time": ("      within: 600\n", "", "needs within"),
    "a time as a text": ("within: 600", "within: 10m", "within"),
    "an unknown action": ("type: change-flow-run-state", "type: cancel-flow-run", "actions[0]: "),
    "another's name": ('"account-rotation: no worker"', '"no worker"', "name: string should match"),
    "the same name": ('"account-rotation: no worker"', '"account-rotation: a run crashed"', "the name is taken"),
    "a broken template": ("{{ event.payload.service }}", "{{ event.payload.service }", "body: the template is broken"),
    "no such deployment": ("type: change-flow-run-state\n        state: CRASHED\n        message: Not heard of for ten minutes; its process is gone.", "type: run-deployment\n        deployment: verify_connections/verfy", "deployment: there is no such deployment"),
    "no such parameter": ("type: change-flow-run-state\n        state: CRASHED\n        message: Not heard of for ten minutes; its process is gone.", "type: run-deployment\n        deployment: verify_connections/verify\n        parameters: {service: '{{ event.payload.service }}'}", "parameters.service: the flow verify_connections has no such"),
}  # fmt: skip


@pytest.fixture
def files(tmp_path: Path) -> tuple[Path, Path]:
    """Return copies of both files of the repository."""
    deployments, automations = tmp_path / "prefect.yaml", tmp_path / "automations.yaml"
    deployments.write_text(DEPLOYMENTS)
    automations.write_text(AUTOMATIONS)
    return deployments, automations


def _mistakes(files: tuple[Path, Path]) -> str:
    with pytest.raises(FileProblems) as found:
        check(*files)
    return str(found.value)


def test_files_of_the_repository(files: tuple[Path, Path]) -> None:
    """What the repository has is without a mistake, and every flow of the design has its deployment."""
    checked = check(*files)
    assert {entry.full_name for entry in checked.deployments} >= {
        "update_account_credentials/update",
        "rotate_account_credentials/rotate",
        "verify_connections/verify",
        "reconcile_connections/reconcile",
        "rotate_due_connections/rotate-due",
    }


@pytest.mark.parametrize("mistake", MISTAKES)
def test_mistakes_in_deployments(files: tuple[Path, Path], mistake: str) -> None:
    """A mistake in prefect.yaml is told with its field, and in the line where it stands."""
    old, new, says = MISTAKES[mistake]
    assert old in DEPLOYMENTS
    files[0].write_text(DEPLOYMENTS.replace(old, new, 1))
    assert says in _mistakes(files)


@pytest.mark.parametrize("mistake", RULES)
def test_mistakes_in_automations(files: tuple[Path, Path], mistake: str) -> None:
    """A mistake in automations.yaml is told with its field."""
    old, new, says = RULES[mistake]
    assert old in AUTOMATIONS
    files[1].write_text(AUTOMATIONS.replace(old, new, 1))
    assert says in _mistakes(files)


def test_line_and_fix(files: tuple[Path, Path]) -> None:
    """A mistake is told with file and line, and with what to do."""
    line = next(n for n, text in enumerate(DEPLOYMENTS.splitlines(), 1) if "*/15 * * * *" in text)
    files[0].write_text(DEPLOYMENTS.replace("*/15 * * * *", "*/15 * * *"))
    assert f"{files[0]}:{line}: deployments[reconcile].schedules[every-15-minutes].cron" in (
        _mistakes(files)
    )


def test_both_files_at_once(files: tuple[Path, Path]) -> None:
    """Mistakes of both files come together, and the advice names the check."""
    files[0].write_text(DEPLOYMENTS.replace("pull: []", "pull: null"))
    files[1].write_text(AUTOMATIONS.replace("threshold", "x").replace("within: 600", "within: 1"))
    with pytest.raises(FileProblems) as found:
        check(*files)
    assert {Path(problem.file).name for problem in found.value.problems} == {
        "prefect.yaml",
        "automations.yaml",
    }
    assert "python -m cli.deployments --check" in found.value.what_to_do()


def test_flow_that_cannot_be_imported(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A module that breaks while it is imported is told by the kind of error, without its text."""
    (tmp_path / "broken_flow.py").write_text("raise ValueError('hunter2')\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    said = find_flow("broken_flow.broken_flow")
    assert said == "broken_flow cannot be imported (ValueError)"


def test_no_bad_end_is_silent(files: tuple[Path, Path]) -> None:
    """Every end state that is no success notifies somebody, but the one in which another run has taken over."""
    heard = {
        event
        for automation in check(*files).automations.automations
        if automation.notifies and automation.trigger.posture == "Reactive"
        for event in automation.trigger.expect
    }
    bad = {
        "cayosoft.connection." + outcome.name.lower().replace(" ", "-")
        for outcome in OUTCOMES
        if not outcome.succeeded
    }
    assert bad - heard == {"cayosoft.connection.superseded"}


def test_command(
    files: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """The command says nothing and returns 0 without a mistake; with one it prints it and returns 1."""
    monkeypatch.chdir(ROOT)
    assert main(["--check"]) == 0
    assert capsys.readouterr().err == ""
    files[0].write_text(DEPLOYMENTS.replace("pull: []", "pull: null"))
    chosen = ["--prefect-yaml", str(files[0]), "--automations", str(files[1])]
    assert main(["--check", *chosen]) == 1
    assert "pull" in capsys.readouterr().err


def _deploy(tmp_path: Path, **environment: str) -> subprocess.CompletedProcess[str]:
    own = {k: v for k, v in os.environ.items() if not k.startswith("PREFECT_")}
    return subprocess.run(
        [sys.executable, "-m", "cli.main", "deploy"],
        cwd=ROOT, env=own | {"PREFECT_HOME": str(tmp_path)} | environment,
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip


def test_deploy_without_a_server(tmp_path: Path) -> None:
    """Without a server that is named nothing is deployed to one that nobody sees, and the variable is told."""
    done = _deploy(tmp_path)
    assert done.returncode == Exit.REFUSED
    assert "export PREFECT_API_URL=" in done.stderr
    assert "Traceback" not in done.stderr


def test_deploy_shows_no_login(tmp_path: Path) -> None:
    """A password in the server's address is not shown when the server is away."""
    password = secrets.token_hex()
    done = _deploy(tmp_path, PREFECT_API_URL=f"http://admin:{password}@127.0.0.1:9/api")
    assert done.returncode == Exit.UNREACHABLE
    assert "url=http://127.0.0.1:9/api" in done.stderr
    assert password not in done.stderr + done.stdout
