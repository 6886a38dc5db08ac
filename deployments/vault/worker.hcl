# The worker that only updates: it brings to the console what Vault, or whatever stands behind it, has changed.

# Credentials of the connections, to be entered in the console.
path "kv/data/cayosoft/*"     { capabilities = ["read"] }
path "kv/metadata/cayosoft/*" { capabilities = ["read"] }

# Its identities (docs/identities.md), but those that may set passwords or grant permissions.
path "kv/data/account-rotation/*"             { capabilities = ["read"] }
path "kv/metadata/account-rotation/*"         { capabilities = ["read"] }
path "kv/data/account-rotation/setters/*"     { capabilities = ["deny"] }
path "kv/metadata/account-rotation/setters/*" { capabilities = ["deny"] }

# Ledgers.
path "kv/data/rotation/+/ledger"     { capabilities = ["create", "update", "read"] }
path "kv/metadata/rotation/+/ledger" { capabilities = ["read"] }

# Who has approved what, where people approve in Vault (approve_in: vault in the inventory).
path "kv/data/approvals/+/+"   { capabilities = ["read"] }
path "kv/metadata/approvals/*" { capabilities = ["list", "read"] }
