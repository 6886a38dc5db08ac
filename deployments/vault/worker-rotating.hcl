# The worker that rotates: it makes new passwords too, for connections with `rotated_by: orchestrator`.

# Credentials of the connections. "update" is the promotion of a password that was proven.
path "kv/data/cayosoft/*"     { capabilities = ["read", "update"] }
path "kv/metadata/cayosoft/*" { capabilities = ["read"] }

# Its identities (docs/identities.md), with those that may set passwords.
path "kv/data/account-rotation/*"     { capabilities = ["read"] }
path "kv/metadata/account-rotation/*" { capabilities = ["read"] }

# Ledgers.
path "kv/data/rotation/+/ledger"     { capabilities = ["create", "update", "read"] }
path "kv/metadata/rotation/+/ledger" { capabilities = ["read"] }

# Passwords that wait. "delete" removes the staged copy of a password that has become current.
path "kv/data/rotation/+/pending/*"     { capabilities = ["create", "update", "read"] }
path "kv/metadata/rotation/+/pending/*" { capabilities = ["read", "delete"] }

# Passwords are made by this policy.
path "sys/policies/password/cayosoft/generate" { capabilities = ["read"] }

# Who has approved what, where people approve in Vault (approve_in: vault in the inventory).
path "kv/data/approvals/+/+"   { capabilities = ["read"] }
path "kv/metadata/approvals/*" { capabilities = ["list", "read"] }
