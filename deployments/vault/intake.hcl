# The intake: it looks which version of a secret is the newest, and which one the ledger calls applied. Never at a value.
path "kv/metadata/cayosoft/*"        { capabilities = ["read"] }
path "kv/data/rotation/+/ledger"     { capabilities = ["read"] }
path "kv/metadata/rotation/+/ledger" { capabilities = ["read"] }
