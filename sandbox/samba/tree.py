"""The files of one domain: provisioned once into a golden copy, copied for every start."""

from __future__ import annotations

import fcntl
import hashlib
import json
import secrets
import shutil
import subprocess
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from sandbox.samba.availability import PYTHON, program
from sandbox.samba.guard import die_with_parent

HOST = "dc1"
FORMAT = "1"  # raise it when a golden copy made by older code must not be used again
JOB_LIMIT = 120  # seconds
LONGEST_FOLDER = 60  # characters: Samba makes sockets below, whose paths must stay under 108


def base_dn(domain: str) -> str:
    """Return the DN of a domain."""
    return ",".join(f"DC={label}" for label in domain.split("."))


def folder() -> Path:
    """Make a private folder for one domain, whose path is short enough."""
    made = Path(tempfile.mkdtemp(prefix="dc-"))
    if len(str(made)) > LONGEST_FOLDER:
        made.rmdir()
        raise RuntimeError(f"samba: the folder for temporary files has too long a path: {made}")
    return made


def do_job(job: str, /, **details: Any) -> Any:
    """Do one job of ``local.py`` and return its answer; RuntimeError when it failed.

    The details travel over a pipe, because they may hold passwords.
    """
    done = subprocess.run(
        [PYTHON, "-E", "-s", "-m", "sandbox.samba.local"],
        cwd=Path(__file__).parents[2],
        input=json.dumps({"job": job, **details}),
        capture_output=True,
        text=True,
        check=False,
        timeout=JOB_LIMIT,
        preexec_fn=die_with_parent,
    )
    if done.returncode:
        raise RuntimeError(f"samba: {job} failed: {(done.stderr.splitlines() or ['?'])[-1]}")
    return json.loads(done.stdout.splitlines()[-1])  # the bindings may print before


def make(live: Path, config: Mapping[str, Any]) -> None:
    """Fill ``live`` with a fresh domain: from the golden copy of ``config["golden"]``, if given."""
    domain, netbios = config["domain"].lower(), config["netbios"].upper()
    if config.get("golden"):
        golden = _golden(Path(config["golden"]), domain, netbios)
        subprocess.run(["cp", "-a", "--sparse=always", f"{golden}/.", live], check=True)
    else:
        do_job("provision", tree=str(live), domain=domain, netbios=netbios, host=HOST)


def _golden(cache: Path, domain: str, netbios: str) -> Path:
    version = subprocess.run([str(program()), "--version"], capture_output=True, check=True).stdout
    facts = f"{FORMAT}\n{domain}\n{netbios}\n{version.decode()}"
    golden = cache / f"{domain}-{hashlib.sha256(facts.encode()).hexdigest()[:12]}"
    cache.mkdir(mode=0o700, parents=True, exist_ok=True)
    with (cache / "lock").open("w") as lock:  # two sessions may start at once
        fcntl.flock(lock, fcntl.LOCK_EX)
        for left_over in cache.glob("new-*"):
            shutil.rmtree(left_over, ignore_errors=True)
        if not golden.is_dir():
            fresh = cache / f"new-{secrets.token_hex(4)}"
            try:
                do_job("provision", tree=str(fresh), domain=domain, netbios=netbios, host=HOST)
                fresh.rename(golden)
            finally:
                shutil.rmtree(fresh, ignore_errors=True)
    return golden


def configure(live: Path, config: Mapping[str, Any], host: str) -> Path:
    """Write smb.conf, whose paths are absolute, and take over the certificate; return smb.conf."""
    for name in ("etc", "run", "log", "cache", "lock", "tls"):
        (live / name).mkdir(exist_ok=True)
    key = live / "tls" / "key.pem"
    key.touch(mode=0o600)  # Samba refuses a key that others may read
    key.write_bytes(Path(config["tls"]["key"]).read_bytes())
    certificate = Path(config["tls"]["cert"]).resolve()
    settings = {
        "netbios name": HOST.upper(),
        "realm": config["domain"].upper(),
        "workgroup": config["netbios"].upper(),
        "server role": "active directory domain controller",
        "server services": "ldap",
        "interfaces": f"{host}/8",
        "bind interfaces only": "yes",
        "disable netbios": "yes",
        "usershare path": "",
        "logging": "file",
        "log level": "1",
        # A killed server's changes are there again; a machine that loses its power is not played.
        "ldb:nosync": "yes",
        "max log size": "0",
        "ldap server require strong auth": "yes",
        "private dir": live / "private",
        "state directory": live / "state",
        "cache directory": live / "cache",
        "lock directory": live / "lock",
        "binddns dir": live / "bind-dns",
        "pid directory": live / "run",
        "ncalrpc dir": live / "run" / "ncalrpc",
        "winbindd socket directory": live / "run" / "winbindd",
        "ntp signd socket directory": live / "run" / "ntp_signd",
        "tls keyfile": key,
        "tls certfile": certificate,
        # Samba makes certificates of its own when this file is missing.
        "tls cafile": Path(config.get("ca_file") or certificate).resolve(),
        "old password allowed period": config.get("old_password_allowed_minutes", 60),
        **config.get("smb_conf", {}),
    }
    lines = [f"\t{name} = {value}" for name, value in settings.items()]
    path = live / "etc" / "smb.conf"
    path.write_text("\n".join(["[global]", *lines, ""]))
    live.chmod(0o700)
    return path
