#!/bin/sh
# Give a running Vault or OpenBao the policies, the password policy and the AppRoles of this folder. Repeat it at will.
#
#   VAULT_ADDR=https://vault.example.com:8200 deployments/vault/apply.sh [--static-roles]
#
# Needs the command `bao` or `vault` (VAULT_CLI names another), signed in as somebody who may write policies and AppRoles.
# It makes no SecretID and shows no secret; at its end it says how a machine gets its own. --static-roles adds the static
# roles whose names stand in static-roles.hcl and static-roles-intake.hcl.
#
#   KV_MOUNT      mount of the KV v2 engine (kv)
#   LDAP_MOUNT    mount of the LDAP engine, for --static-roles (ldap)
#   APPROLE_MOUNT mount of the AppRole method (approle)
set -eu

here=$(cd "$(dirname "$0")" && pwd)
kv=${KV_MOUNT:-kv}
ldap=${LDAP_MOUNT:-ldap}
approle=${APPROLE_MOUNT:-approle}
static=
case ${1-} in
"") ;;
--static-roles) static=yes ;;
*)
    echo "usage: apply.sh [--static-roles]" >&2
    exit 2
    ;;
esac

cli=${VAULT_CLI:-$(command -v bao || command -v vault || true)}
if [ -z "$cli" ]; then
    echo "Neither bao nor vault is on the PATH. Install one, or name it in VAULT_CLI." >&2
    exit 1
fi
if ! "$cli" token lookup >/dev/null 2>&1; then
    echo "$cli is not signed in at ${BAO_ADDR:-${VAULT_ADDR:-its default address}}." >&2
    echo "Set VAULT_ADDR (and VAULT_CACERT), then: $cli login" >&2
    exit 1
fi
if ! "$cli" read -format=json "sys/mounts/$kv/tune" 2>/dev/null | grep -q '"version": "2"'; then
    echo "There is no KV v2 engine at $kv/. Name yours in KV_MOUNT, or make it: $cli secrets enable -path=$kv kv-v2" >&2
    exit 1
fi

policy() { # name, file
    sed -e "s#^path \"kv/#path \"$kv/#" -e "s#^path \"ldap/#path \"$ldap/#" "$here/$2" |
        "$cli" policy write "$1" - >/dev/null
    echo "policy $1"
}

role() { # name, policies
    # The token lives as long as the longest run between two renewals; a SecretID ends only when you end it.
    "$cli" write "auth/$approle/role/$1" token_policies="$2" token_ttl=1h token_max_ttl=24h >/dev/null
    echo "AppRole $1 ($2)"
}

policy account-rotation-worker worker.hcl
policy account-rotation-rotator worker-rotating.hcl
policy account-rotation-intake intake.hcl
policy account-rotation-operator operator.hcl
policy account-rotation-approver approver.hcl
worker=account-rotation-worker
rotator=account-rotation-rotator
intake=account-rotation-intake
if [ -n "$static" ]; then
    policy account-rotation-static-roles static-roles.hcl
    policy account-rotation-static-roles-intake static-roles-intake.hcl
    worker=$worker,account-rotation-static-roles
    rotator=$rotator,account-rotation-static-roles
    intake=$intake,account-rotation-static-roles-intake
fi
"$cli" write sys/policies/password/cayosoft policy=@"$here/password-policy.hcl" >/dev/null
echo "password policy cayosoft"

if ! "$cli" read "sys/auth/$approle/tune" >/dev/null 2>&1; then
    "$cli" auth enable -path="$approle" approle >/dev/null
fi
role account-rotation-worker "$worker"
role account-rotation-rotator "$rotator"
role account-rotation-intake "$intake"

cat <<TEXT
Done. A machine that updates gets the role account-rotation-worker, one that also rotates account-rotation-rotator, and the
intake account-rotation-intake. For each (here the intake), its RoleID and a SecretID that is wrapped for five minutes:
  $cli read -field=role_id auth/$approle/role/account-rotation-intake/role-id
  $cli write -f -wrap-ttl=5m -field=wrapping_token auth/$approle/role/account-rotation-intake/secret-id
TEXT
