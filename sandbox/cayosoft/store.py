"""What the console keeps: one private SQLite file. Passwords in it are encrypted with a key beside it."""

from __future__ import annotations

import secrets
import sqlite3
import threading
from pathlib import Path

from cryptography.fernet import Fernet

from sandbox.cayosoft.problems import DraftExpired, NotThere, Stale
from sandbox.cayosoft.records import Draft, Login, Row

_SCHEMA = """
CREATE TABLE IF NOT EXISTS rows (
    extension TEXT, row TEXT, account TEXT, password BLOB, revision TEXT, secret_label TEXT,
    saved_at REAL, saved_key TEXT, saves INTEGER DEFAULT 0, app_id TEXT, collecting INTEGER DEFAULT 0,
    PRIMARY KEY (extension, row));
CREATE TABLE IF NOT EXISTS drafts (
    id TEXT PRIMARY KEY, extension TEXT, row TEXT, account TEXT, password BLOB, secret_label TEXT,
    base_revision TEXT, expires_at REAL);
CREATE TABLE IF NOT EXISTS prompts (id TEXT PRIMARY KEY, extension TEXT, row TEXT);
CREATE TABLE IF NOT EXISTS disabled (extension TEXT PRIMARY KEY);
CREATE TABLE IF NOT EXISTS answers (
    key TEXT PRIMARY KEY, request TEXT, kept_at REAL, status INTEGER, payload TEXT, headers TEXT);
"""


class Store:
    """The console's file. Thread-safe; every method is one transaction."""

    def __init__(self, path: Path) -> None:
        self._lock = threading.RLock()
        self._cipher = Fernet(_key(path.with_name(path.name + ".key")))
        path.touch(mode=0o600)
        path.chmod(0o600)
        self._db = sqlite3.connect(path, check_same_thread=False)
        self._db.row_factory = sqlite3.Row
        self._db.execute("PRAGMA secure_delete = ON")
        # What a killed console had kept is there again; a machine that loses its power is not played.
        self._db.execute("PRAGMA synchronous = OFF")
        with self._db:
            self._db.executescript(_SCHEMA)

    def seed(self, extension: str, row: str, login: Login) -> None:
        """Add a row as a fresh installation has it; one that is there keeps what it holds."""
        with self._lock, self._db:
            self._db.execute(
                "INSERT OR IGNORE INTO rows (extension, row, account, password, revision) "
                "VALUES (?, ?, ?, ?, ?)",
                (extension, row, login.account, self._close(login.password), _new()),
            )

    def rows(self) -> list[Row]:
        """Return every row."""
        with self._lock:
            return [_row(found) for found in self._db.execute("SELECT * FROM rows ORDER BY 1, 2")]

    def row(self, extension: str, row: str) -> Row:
        """Return one row or raise NotThere."""
        return _row(self._one("SELECT * FROM rows WHERE extension = ? AND row = ?", extension, row))

    def held(self, extension: str, row: str) -> Login:
        """Return the credential that the row holds."""
        found = self._one("SELECT * FROM rows WHERE extension = ? AND row = ?", extension, row)
        return Login(found["account"], self._open(found["password"]))

    def put(self, extension: str, row: str, login: Login, label: str | None, at: float) -> Row:
        """Save a credential as a person does: no key, whatever the revision was."""
        with self._lock, self._db:
            self.row(extension, row)
            self._save(extension, row, login.account, self._close(login.password), label, at, None)
            return self.row(extension, row)

    def remember_app(self, extension: str, row: str, app_id: str) -> None:
        """Keep which app belongs to the row."""
        with self._lock, self._db:
            self._db.execute(
                "UPDATE rows SET app_id = ? WHERE extension = ? AND row = ?",
                (app_id, extension, row),
            )

    def collect(self, extension: str, row: str, reads: int) -> None:
        """Let the next ``reads`` looks at the consent section find it still collecting."""
        with self._lock, self._db:
            self._db.execute(
                "UPDATE rows SET collecting = ? WHERE extension = ? AND row = ?",
                (reads, extension, row),
            )

    def still_collecting(self, extension: str, row: str) -> bool:
        """Say whether the tenant's data is still being collected; each look brings the end nearer."""
        with self._lock:
            left = self.row(extension, row).collecting
            if left:
                self.collect(extension, row, left - 1)
            return left > 0

    def open_draft(
        self, row: Row, revision: str, login: Login, label: str, expires_at: float
    ) -> Draft:
        """Keep an edit; raise Stale when the row has another revision than the editor saw."""
        with self._lock, self._db:
            if self.row(row.extension, row.row).revision != revision:
                raise Stale(row.extension, row.row)
            draft = Draft(
                _new(), row.extension, row.row, login.account, label, revision, expires_at
            )
            self._db.execute(
                "INSERT INTO drafts VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
                (draft.id, draft.extension, draft.row, draft.account, self._close(login.password),
                 label, revision, expires_at),
            )  # fmt: skip
            return draft

    def draft(self, draft_id: str, now: float) -> Draft:
        """Return an open draft; raise DraftExpired or NotThere."""
        with self._lock:
            self.expire(now)
            found = self._one("SELECT * FROM drafts WHERE id = ?", draft_id)
            if found["password"] is None:
                raise DraftExpired(draft_id)
            return Draft(**{name: found[name] for name in Draft.__dataclass_fields__})

    def entered(self, draft: Draft) -> Login:
        """Return the credential that was entered."""
        found = self._one("SELECT * FROM drafts WHERE id = ?", draft.id)
        return Login(found["account"], self._open(found["password"]))

    def drafts_open(self, extension: str, row: str) -> int:
        """Count the open drafts of a row."""
        query = "SELECT count(*) FROM drafts WHERE extension = ? AND row = ? AND password NOT NULL"
        return int(self._one(query, extension, row)[0])

    def discard(self, draft_id: str) -> None:
        """Forget a draft and its password."""
        with self._lock, self._db:
            self._db.execute("DELETE FROM drafts WHERE id = ?", (draft_id,))

    def expire(self, now: float) -> int:
        """Take the password out of every draft that is over; return how many there were."""
        with self._lock, self._db:
            return self._db.execute(
                "UPDATE drafts SET password = NULL WHERE password NOT NULL AND expires_at <= ?",
                (now,),
            ).rowcount

    def save_draft(self, draft_id: str, revision: str, key: str, now: float) -> Row:
        """Save a draft into its row in one transaction; raise Stale, DraftExpired or NotThere."""
        with self._lock:
            draft = self.draft(draft_id, now)
            now_at = self.row(draft.extension, draft.row).revision
            if not revision == draft.base_revision == now_at:
                raise Stale(draft.extension, draft.row)
            password = self._one("SELECT password FROM drafts WHERE id = ?", draft_id)[0]
            with self._db:
                self._save(
                    draft.extension, draft.row, draft.account, password,
                    draft.secret_label, now, key,
                )  # fmt: skip
                self._db.execute("DELETE FROM drafts WHERE id = ?", (draft_id,))
            return self.row(draft.extension, draft.row)

    def open_prompt(self, extension: str, row: str) -> str:
        """Remember that the permission prompt of a row is open; return its id."""
        with self._lock, self._db:
            prompt = _new()
            self._db.execute("INSERT INTO prompts VALUES (?, ?, ?)", (prompt, extension, row))
            return prompt

    def prompt(self, prompt: str) -> tuple[str, str]:
        """Return extension and row of a permission prompt."""
        found = self._one("SELECT * FROM prompts WHERE id = ?", prompt)
        return found["extension"], found["row"]

    def set_enabled(self, extension: str, enabled: bool) -> None:
        """Tick or untick "Extension is enabled"."""
        with self._lock, self._db:
            self._db.execute("DELETE FROM disabled WHERE extension = ?", (extension,))
            if not enabled:
                self._db.execute("INSERT INTO disabled VALUES (?)", (extension,))

    def enabled(self, extension: str) -> bool:
        """Say whether the extension is enabled."""
        query = "SELECT count(*) FROM disabled WHERE extension = ?"
        return not self._one(query, extension)[0]

    def answer(self, key: str, after: float) -> tuple[str, int, str, str] | None:
        """Return request, status, payload and headers kept under an idempotency key since ``after``."""
        with self._lock, self._db:
            self._db.execute("DELETE FROM answers WHERE kept_at <= ?", (after,))
            found = self._db.execute(
                "SELECT request, status, payload, headers FROM answers WHERE key = ?", (key,)
            ).fetchone()
            return tuple(found) if found else None

    def keep_answer(
        self, key: str, request: str, at: float, status: int, payload: str, headers: str
    ) -> None:
        """Keep an answer under its idempotency key."""
        with self._lock, self._db:
            self._db.execute(
                "INSERT OR REPLACE INTO answers VALUES (?, ?, ?, ?, ?, ?)",
                (key, request, at, status, payload, headers),
            )

    def forget_answers(self) -> None:
        """Forget every idempotency key."""
        with self._lock, self._db:
            self._db.execute("DELETE FROM answers")

    def _save(
        self, extension: str, row: str, account: str, password: bytes,
        label: str | None, at: float, key: str | None,
    ) -> None:  # fmt: skip
        self._db.execute(
            "UPDATE rows SET account = ?, password = ?, revision = ?, secret_label = ?, saved_at = ?, "
            "saved_key = ?, saves = saves + 1 WHERE extension = ? AND row = ?",
            (account, password, _new(), label, at, key, extension, row),
        )

    def _one(self, query: str, *values: str) -> sqlite3.Row:
        with self._lock:
            found: sqlite3.Row | None = self._db.execute(query, values).fetchone()
        if found is None:
            raise NotThere(*values)
        return found

    def _close(self, password: str) -> bytes:
        return self._cipher.encrypt(password.encode())

    def _open(self, closed: bytes) -> str:
        return self._cipher.decrypt(closed).decode()


def _row(found: sqlite3.Row) -> Row:
    return Row(**{name: found[name] for name in Row.__dataclass_fields__})


def _new() -> str:
    return secrets.token_hex(12)


def _key(path: Path) -> bytes:
    try:
        path.touch(mode=0o600, exist_ok=False)
    except FileExistsError:
        return path.read_bytes()
    path.write_bytes(Fernet.generate_key())
    return path.read_bytes()
