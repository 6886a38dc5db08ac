"""The AppRole auth method: roles, their identifiers and secret identifiers, and the login."""

from __future__ import annotations

import uuid

from sandbox.vault.approle_model import DURATIONS, NUMBERS, Role, SecretId, parse_metadata
from sandbox.vault.core import Vault
from sandbox.vault.routing import Table
from sandbox.vault.tokens import MAX_TTL, capped_ttl
from sandbox.vault.values import Fields
from sandbox.vault.wire import Answer, Call, Refusal

_NAME = r"role/(?P<role>\w(?:[\w.-]*\w)?)"
_WRONG = "invalid role or secret ID"


class AppRole:
    """One AppRole mount. The caller holds Vault's lock."""

    def __init__(self, vault: Vault, mount_path: str) -> None:
        self._vault = vault
        self._mount_path = mount_path
        self._roles: dict[str, Role] = {}
        self.table = Table()
        self._register()

    def _register(self) -> None:
        def exists(call: Call) -> bool:
            return call.params["role"].lower() in self._roles

        add = self.table.add
        add("write read", "login/?", "approle.login", self._login, open=True)
        add("list", "role/?", "approle.roles", self._list)
        add("read", _NAME, "approle.role", self._read_role)
        add("write", _NAME, "approle.role", self._write_role, exists=exists)
        add("delete", _NAME, "approle.role", self._delete_role)
        add("read", f"{_NAME}/role-id", "approle.role_id", self._read_role_id)
        add("write", f"{_NAME}/role-id", "approle.role_id", self._write_role_id)
        add("write", f"{_NAME}/secret-id/?", "approle.secret_id", self._new_secret_id)
        add("list", f"{_NAME}/secret-id/?", "approle.secret_id", self._list_secret_ids)
        add("write", f"{_NAME}/custom-secret-id", "approle.secret_id", self._custom_secret_id)
        for kind in ("secret-id", "secret-id-accessor"):
            lookup, destroy = f"{_NAME}/{kind}/lookup/?", f"{_NAME}/{kind}/destroy/?"
            add("write", lookup, "approle.secret_id_lookup", self._lookup)
            add("write delete", destroy, "approle.secret_id_destroy", self._destroy)

    def _role(self, call: Call) -> Role | None:
        return self._roles.get(call.params["role"].lower())

    def _list(self, _call: Call) -> Answer | None:
        return Answer({"keys": sorted(self._roles)}) if self._roles else None

    def _read_role(self, call: Call) -> Answer | None:
        role = self._role(call)
        return Answer(role.show()) if role else None

    def _write_role(self, call: Call) -> Answer | None:
        name, fields = call.params["role"].lower(), Fields(call.data)
        role = self._roles.get(name) or Role(name, str(uuid.uuid4()))
        numbers = dict(role.numbers)
        for field_name in NUMBERS:
            numbers[field_name] = fields.number(field_name, numbers[field_name])
        for field_name in DURATIONS:
            numbers[field_name] = fields.duration(field_name, numbers[field_name])
        if numbers["secret_id_num_uses"] < 0:
            raise Refusal(400, "secret_id_num_uses cannot be negative")
        if numbers["token_ttl"] > numbers["token_max_ttl"] > 0:
            raise Refusal(400, "'token_ttl' cannot be greater than 'token_max_ttl'")
        role.numbers = numbers
        role.bind_secret_id = fields.flag("bind_secret_id", role.bind_secret_id)
        role.no_default_policy = fields.flag("token_no_default_policy", role.no_default_policy)
        role.token_type = fields.text("token_type", role.token_type)
        role.role_id = fields.text("role_id", role.role_id)
        for policies in ("policies", "token_policies"):
            if fields.given(policies):
                role.policies = sorted({p.lower() for p in fields.names(policies)})
        self._roles[name] = role
        if numbers["token_max_ttl"] > MAX_TTL:
            warning = (
                "token_max_ttl is greater than the backend mount's maximum TTL value; "
                "issued tokens' max TTL value will be truncated"
            )
            return Answer(None, warnings=[warning])
        return None

    def _delete_role(self, call: Call) -> None:
        self._roles.pop(call.params["role"].lower(), None)

    def _read_role_id(self, call: Call) -> Answer | None:
        role = self._role(call)
        return Answer({"role_id": role.role_id}) if role else None

    def _write_role_id(self, call: Call) -> None:
        role, given = self._role(call), Fields(call.data).text("role_id")
        if role is None:
            raise Refusal(404, "unsupported path")
        if not given:
            raise Refusal(400, "missing role_id")
        role.role_id = given

    def _new_secret_id(self, call: Call) -> Answer:
        return self._issue(call, str(uuid.uuid4()))

    def _custom_secret_id(self, call: Call) -> Answer:
        given = Fields(call.data).text("secret_id")
        if not given:
            raise Refusal(400, "missing secret_id")
        return self._issue(call, given)

    def _issue(self, call: Call, value: str) -> Answer:
        role, fields, now = self._role(call), Fields(call.data), self._vault.now()
        if role is None:
            raise Refusal(404, f'role "{call.params["role"]}" does not exist')
        if not role.bind_secret_id:
            raise Refusal(400, "bind_secret_id is not set on the role")
        most, longest = role.numbers["secret_id_num_uses"], role.numbers["secret_id_ttl"]
        uses, ttl = fields.number("num_uses", most), fields.duration("ttl", longest)
        if uses < 0:
            raise Refusal(400, "num_uses cannot be negative")
        if most and not 0 < uses <= most:
            raise Refusal(400, "num_uses cannot be higher than the role's secret_id_num_uses")
        if longest and not 0 < ttl <= longest:
            raise Refusal(400, "ttl cannot be longer than the role's secret_id_ttl")
        expires = now + ttl if ttl else None
        metadata = parse_metadata(fields.text("metadata"))
        entry = SecretId(value, str(uuid.uuid4()), uses, ttl, now, now, expires, metadata)
        role.secret_ids[value] = entry
        return Answer(
            {
                "secret_id": value,
                "secret_id_accessor": entry.accessor,
                "secret_id_num_uses": uses,
                "secret_id_ttl": ttl,
            }
        )

    def _living(self, role: Role) -> list[SecretId]:
        now = self._vault.now()
        for entry in list(role.secret_ids.values()):
            if entry.expires is not None and entry.expires <= now:
                del role.secret_ids[entry.value]
        return list(role.secret_ids.values())

    def _list_secret_ids(self, call: Call) -> Answer | None:
        role = self._role(call)
        if role is None:
            raise Refusal(400, f'role "{call.params["role"]}" does not exist')
        accessors = sorted(entry.accessor for entry in self._living(role))
        return Answer({"keys": accessors}) if accessors else None

    def _chosen(self, call: Call) -> tuple[Role, SecretId | None, str]:
        """Return the role, the secret id that is named by value or accessor, and that accessor."""
        by_accessor = "/secret-id-accessor/" in call.path
        name = "secret_id_accessor" if by_accessor else "secret_id"
        given = Fields(call.data).text(name)
        if not given:
            raise Refusal(400, f"missing {name}")
        role = self._role(call)
        if role is None:
            raise Refusal.combined(500, f'role "{call.params["role"]}" does not exist')
        for entry in self._living(role):
            if given == (entry.accessor if by_accessor else entry.value):
                return role, entry, given
        return role, None, given if by_accessor else ""

    def _lookup(self, call: Call) -> Answer | None:
        _, entry, accessor = self._chosen(call)
        if entry is None and accessor:
            why = f'failed to find accessor entry for secret_id_accessor: "{accessor}"'
            return Answer({"error": why}, status=404)
        return Answer(entry.show()) if entry else None

    def _destroy(self, call: Call) -> None:
        role, entry, accessor = self._chosen(call)
        if entry is None and accessor:
            why = f'failed to find accessor entry for secret_id_accessor: "{accessor}"'
            raise Refusal.combined(500, why)
        if entry is not None:
            role.secret_ids.pop(entry.value, None)

    def _login(self, call: Call) -> Answer:
        fields, now = Fields(call.data), self._vault.now()
        role_id = fields.text("role_id").strip()
        if not role_id:
            raise Refusal(500, "missing role_id")
        role = next((r for r in self._roles.values() if r.role_id == role_id), None)
        if role is None:
            raise Refusal(400, _WRONG)
        metadata = (
            self._spend(role, fields.text("secret_id").strip()) if role.bind_secret_id else {}
        )
        limits = role.numbers
        ttl, warnings = capped_ttl(
            now, now, limits["token_ttl"], period=limits["token_period"],
            max_ttl=limits["token_max_ttl"], explicit=limits["token_explicit_max_ttl"],
        )  # fmt: skip
        batch = role.token_type == "batch"
        token = self._vault.tokens.add(
            sorted({*role.policies, *([] if role.no_default_policy else ["default"])}),
            f"{self._mount_path}login",
            ttl,
            display_name=self._mount_path.removeprefix("auth/").strip("/").replace("/", "-"),
            meta={**metadata, "role_name": role.name},
            num_uses=limits["token_num_uses"],
            explicit_max_ttl=limits["token_explicit_max_ttl"],
            period=limits["token_period"],
            renewable=not batch,
            type="batch" if batch else "service",
            entity_id=role.entity_id,
            limits=lambda: (limits["token_ttl"], limits["token_max_ttl"], limits["token_period"]),
        )
        return Answer(auth=self._vault.tokens.auth(token, ttl), warnings=warnings)

    def _spend(self, role: Role, value: str) -> dict[str, str]:
        if not value:
            raise Refusal(400, "missing secret_id")
        entry = next((e for e in self._living(role) if e.value == value), None)
        if entry is None:
            raise Refusal(400, _WRONG)
        if entry.uses == 1:
            del role.secret_ids[value]
        elif entry.uses:
            entry.uses -= 1
            entry.updated = self._vault.now()
        return entry.metadata
